{{/* Keys of the older chart that have another name here. values.yaml does not have them, so a key that is there was given.
older-keys.yaml says what became of each of them. */}}

{{/* dict root key: the value of a key with dots as text; empty if it is not given. */}}
{{- define "tada.older" -}}
{{- $at := dict "value" .root.Values -}}
{{- range $name := splitList "." .key -}}
{{- if kindIs "map" $at.value -}}
{{- $_ := set $at "value" (get $at.value $name) -}}
{{- else -}}
{{- $_ := set $at "value" "" -}}
{{- end -}}
{{- end -}}
{{- if not (kindIs "invalid" $at.value) }}{{ include "tada.text" $at.value }}{{ end -}}
{{- end }}

{{/* root: what holds, as a dict of true: the storage, and what other keys need to have an effect. */}}
{{- define "tada.holds" -}}
{{- $storage := include "tada.storage" . -}}
{{ $storage }}: true
{{- if include "tada.runsS3" . }}
localS3: true
{{- else if and (eq $storage "S3") (not .Values.s3.endpoint) }}
hostOfS3: true
{{- end }}
{{- if (include "tada.ingress" (dict "root" . "side" "public") | fromYaml).enabled }}
publicIngress: true
{{- end }}
{{- if .Values.networkPolicy.internalFrom }}
internalFrom: true
{{- end }}
{{- if not .Values.local }}
cluster: true
{{- end }}
{{- end }}

{{/* The notes about keys that do not do here what they did, one a line. */}}
{{- define "tada.olderNotes" -}}
{{- $root := . -}}
{{- $holds := include "tada.holds" . | fromYaml -}}
{{- range $entry := .Files.Get "older-keys.yaml" | fromYamlArray }}
{{- $works := not $entry.note }}
{{- range $entry.works }}{{ if hasKey $holds . }}{{ $works = true }}{{ end }}{{ end }}
{{- $default := ternary (toString $entry.default) "" (hasKey $entry "default") }}
{{- $given := list }}
{{- range $key := $entry.keys }}
{{- $value := include "tada.older" (dict "root" $root "key" $key) }}
{{- if and $value (ne $value $default) }}{{ $given = append $given $key }}{{ end }}
{{- end }}
{{- if and $given (not $works) }}
{{ join ", " $given }}: {{ $entry.note }}
{{- end }}
{{- end }}
{{- end }}

{{/* dict root component: resources, with those that the older chart has elsewhere. */}}
{{- define "tada.resourcesOf" -}}
{{- $values := .root.Values -}}
{{- $own := deepCopy (index $values .component).resources -}}
{{- $groups := dict "catalog" "mediaApi" "edge" "nginx" "cache" "nginxPurge" -}}
{{- with get $groups .component }}
{{- with index $values . }}
{{- with .resources }}{{ $own = mergeOverwrite $own (deepCopy .) }}{{ end }}
{{- end }}
{{- end }}
{{- toYaml $own }}
{{- end }}

{{/* dict root component: how the number of pods follows the load, as YAML; `replicas` if it does not. */}}
{{- define "tada.scaling" -}}
{{- $root := .root -}}
{{- $own := deepCopy (index $root.Values .component).autoscaling -}}
{{- $group := ternary "mediaApi.hpa" "nginx.hpa" (eq .component "transform") -}}
{{- $replicas := (index $root.Values .component).replicas -}}
{{- with include "tada.older" (dict "root" $root "key" (printf "%s.enabled" $group)) }}{{ $_ := set $own "enabled" (eq . "true") }}{{ end }}
{{- with include "tada.older" (dict "root" $root "key" (printf "%s.replicaCountMin" $group)) }}
{{- $_ := set $own "minReplicas" (int .) }}
{{- $replicas = int . }}
{{- end }}
{{- with include "tada.older" (dict "root" $root "key" (printf "%s.replicaCountMax" $group)) }}{{ $_ := set $own "maxReplicas" (int .) }}{{ end }}
{{- with include "tada.older" (dict "root" $root "key" (printf "%s.metrics.cpu.averageUtilization" $group)) }}{{ $_ := set $own "cpu" (int .) }}{{ end }}
{{- if $root.Values.local }}{{ $_ := set $own "enabled" false }}{{ end }}
{{- toYaml (set $own "replicas" (int $replicas)) }}
{{- end }}

{{/* dict root side: the ingress of a side, public or internal, as YAML. The older chart always had both. */}}
{{- define "tada.ingress" -}}
{{- $root := .root -}}
{{- $public := eq .side "public" -}}
{{- $own := deepCopy (index $root.Values.ingress .side) -}}
{{- with index $root.Values.ingress (ternary "nginx" "api" $public) }}
{{- $_ := set $own "enabled" true }}
{{- with .className }}{{ $_ := set $own "className" . }}{{ end }}
{{- with .annotations }}{{ $_ := set $own "annotations" (mergeOverwrite $own.annotations (deepCopy .)) }}{{ end }}
{{- if and (eq (toString .tls) "true") (not $own.tlsSecret) }}
{{- $_ := set $own "tlsSecret" (printf "tada-%s%s-tls-certificate" $root.Release.Name (ternary "" "-api" $public)) }}
{{- end }}
{{- if not (or $public $own.host) }}{{ $_ := set $own "host" (include "tada.joinedHost" (dict "root" $root "between" ".tada-api.")) }}{{ end }}
{{- end }}
{{- if not $own.host }}{{ if $public }}{{ $_ := set $own "host" (include "tada.joinedHost" (dict "root" $root "between" ".")) }}{{ end }}{{ end }}
{{- toYaml $own }}
{{- end }}

{{/* dict root between: the host that env and domain make. The older chart put the dot between them. */}}
{{- define "tada.joinedHost" -}}
{{- $domain := trimPrefix "." .root.Values.domain -}}
{{ .root.Values.env }}{{ if and .root.Values.env $domain }}{{ .between }}{{ end }}{{ $domain }}
{{- end }}

{{/* When the job publish runs: createDumpCronJob of the older chart; empty for the service's default. */}}
{{- define "tada.publishCron" -}}
{{- $words := dict "@hourly" "0 * * * *" "@daily" "0 0 * * *" "@midnight" "0 0 * * *" "@weekly" "0 0 * * 0" "@monthly" "0 0 1 * *" "@yearly" "0 0 1 1 *" "@annually" "0 0 1 1 *" -}}
{{- $schedule := include "tada.older" (dict "root" . "key" "createDumpCronJob.schedule") -}}
{{- if eq (include "tada.older" (dict "root" . "key" "createDumpCronJob.enabled")) "false" }}never
{{- else }}{{ get $words $schedule | default $schedule | replace "?" "*" }}
{{- end }}
{{- end }}

{{/* Seconds that a browser may keep an asset: nginx.cdn of the older chart; empty for the service's default. */}}
{{- define "tada.browserSeconds" -}}
{{- if ne (include "tada.older" (dict "root" . "key" "nginx.cdn.enabled")) "false" }}{{ include "tada.older" (dict "root" . "key" "nginx.cdn.maxAge") }}{{ end }}
{{- end }}
