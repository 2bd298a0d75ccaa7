{{/* The secrets of the jobs worker for the CDNs that it purges. */}}
{{- define "tada.cdnSecrets" -}}
{{ list "CDN_CLOUDFLARE_TOKEN" "CDN_FASTLY_TOKEN" "CDN_CLOUDFRONT_ACCESS_KEY" "CDN_CLOUDFRONT_SECRET_KEY" "CDN_WEBHOOK_SECRET" | toYaml }}
{{- end }}

{{/* The names of all settings that are secrets. */}}
{{- define "tada.secretNames" -}}
{{ concat (list "S3_ACCESS_KEY" "S3_SECRET_KEY" "DELEGATED_STORAGE_TOKEN") (keys .Values.secrets) | uniq | sortAlpha | toYaml }}
{{- end }}

{{/* dict root name: the name of the Secret that contains it. */}}
{{- define "tada.secretOf" -}}
{{- $values := .root.Values -}}
{{- $groups := dict "MEDIA_TOKEN" "mediaApi" "S3_ACCESS_KEY" "s3" "S3_SECRET_KEY" "s3" "DELEGATED_STORAGE_TOKEN" "delegatedStorage" "REDIS_URL" "redis" "REDIS_PASSWORD" "redis" -}}
{{- $group := get $groups .name -}}
{{- $own := "" -}}
{{- if $group }}{{ $own = (index $values $group).existingSecret }}{{ end -}}
{{ $own | default $values.existingSecret | default (include "tada.fullname" .root) }}
{{- end }}

{{/* The content of the chart's own Secret: every secret that is set. */}}
{{- define "tada.secretValues" -}}
{{- $root := . -}}
{{- $given := merge (dict "S3_ACCESS_KEY" .Values.s3.accessKey "S3_SECRET_KEY" .Values.s3.secretKey "DELEGATED_STORAGE_TOKEN" .Values.delegatedStorage.accessToken) .Values.secrets -}}
{{- with include "tada.older" (dict "root" . "key" "mediaApi.mediaToken") }}
{{- if not $given.MEDIA_TOKEN }}{{ $_ := set $given "MEDIA_TOKEN" . }}{{ end }}
{{- if not (or $given.PURGE_TOKEN $root.Values.existingSecret) }}
{{- $_ := set $given "PURGE_TOKEN" (printf "PURGE_TOKEN of %s: %s" $root.Release.Name . | sha256sum) }}
{{- end }}
{{- end }}
{{- $kept := dict -}}
{{- range $name, $value := $given }}
{{- if $value }}
{{- $secret := include "tada.secretOf" (dict "root" $root "name" $name) }}
{{- if ne $secret (include "tada.fullname" $root) }}
{{- fail (printf "%s: is given as a value, but taken from the Secret %s; leave the value empty, or existingSecret" $name $secret) }}
{{- end }}
{{- $_ := set $kept $name $value }}
{{- end }}
{{- end }}
{{- toYaml $kept }}
{{- end }}

{{/* The secrets of a component: required (true) or optional (false), as YAML. */}}
{{- define "tada.secretsOf" -}}
{{- $values := .root.Values -}}
{{- $method := include "tada.storage" .root -}}
{{- $wanted := dict -}}
{{- if not (has .component (list "edge" "cache")) }}
{{- if eq $method "S3" }}{{ $_ := set $wanted "S3_ACCESS_KEY" true }}{{ $_ := set $wanted "S3_SECRET_KEY" true }}{{ end }}
{{- if eq $method "DISTANT_BACKEND" }}{{ $_ := set $wanted "DELEGATED_STORAGE_TOKEN" false }}{{ end }}
{{- if $values.redis.auth }}{{ $_ := set $wanted "REDIS_PASSWORD" true }}
{{- else if and (not $values.redis.enabled) (or $values.secrets.REDIS_URL (not $values.redis.service)) }}{{ $_ := set $wanted "REDIS_URL" true }}{{ end }}
{{- $known := list "MEDIA_TOKEN" "MEDIA_TOKENS" "TICKET_KEYS" "PURGE_TOKEN" "URL_SIGNING_KEYS" "WEBHOOKS_SECRET" "REDIS_URL" "REDIS_PASSWORD" "S3_ACCESS_KEY" "S3_SECRET_KEY" "DELEGATED_STORAGE_TOKEN" }}
{{- $known = concat $known (include "tada.cdnSecrets" .root | fromYamlArray) }}
{{- range $name, $_ := $values.secrets }}{{ if not (has $name $known) }}{{ $_ := set $wanted $name false }}{{ end }}{{ end }}
{{- end }}
{{- if eq .component "catalog" }}{{ $_ := set $wanted "MEDIA_TOKEN" (ne $values.mediaApi.existingSecret "") }}{{ $_ := set $wanted "MEDIA_TOKENS" false }}{{ $_ := set $wanted "TICKET_KEYS" false }}{{ $_ := set $wanted "URL_SIGNING_KEYS" false }}
{{- else if eq .component "transform" }}{{ $_ := set $wanted "URL_SIGNING_KEYS" false }}
{{- else }}{{ $_ := set $wanted "PURGE_TOKEN" true }}{{ end }}
{{- if eq .component "jobs" }}
{{- range $name := append (include "tada.cdnSecrets" .root | fromYamlArray) "WEBHOOKS_SECRET" }}{{ $_ := set $wanted $name false }}{{ end }}
{{- end }}
{{- toYaml $wanted }}
{{- end }}

{{/* dict root component: the environment of a container. */}}
{{- define "tada.env" -}}
{{- $root := .root -}}
{{- $settings := include "tada.settings" . | fromYaml -}}
{{- $kept := include "tada.secretValues" $root | fromYaml -}}
{{- range $name, $needed := include "tada.secretsOf" . | fromYaml }}
{{- $secret := include "tada.secretOf" (dict "root" $root "name" $name) }}
{{- $ours := eq $secret (include "tada.fullname" $root) }}
{{- if or (not $ours) (hasKey $kept $name) $needed }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ ternary $root.Values.mediaApi.existingSecretKey $name (and (eq $name "MEDIA_TOKEN") (ne $root.Values.mediaApi.existingSecret "")) }}
      {{- if not $needed }}
      optional: true
      {{- end }}
{{- end }}
{{- end }}
{{- if not (has .component (list "edge" "cache")) }}
{{- $redis := $root.Values.redis }}
{{- $address := ternary (printf "%s:6379" (include "tada.redis" $root)) $redis.service $redis.enabled }}
{{- if or $redis.auth $redis.tls }}
{{- if $address }}
- name: REDIS_URL
  value: {{ printf "%s://%s%s" (ternary "rediss" "redis" $redis.tls) (ternary ":$(REDIS_PASSWORD)@" "" $redis.auth) $address | quote }}
{{- end }}
{{- else if and $address (not (hasKey $settings "REDIS_SERVICE")) }}
- name: REDIS_SERVICE
  value: {{ $address | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := $settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- with (index $root.Values .component).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
