{{/* The start of all names. */}}
{{- define "tada.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains "tada" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-tada" .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* dict root component: the labels by which a Service or a policy selects pods. */}}
{{- define "tada.selector" -}}
app.kubernetes.io/name: tada
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* dict root component */}}
{{- define "tada.labels" -}}
{{ include "tada.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.version }}
tada/version: {{ . | quote }}
{{- end }}
{{- end }}

{{/* dict root component image: the name of an image of TADA. */}}
{{- define "tada.image" -}}
{{ (index .root.Values .component).image | default (include "tada.ourImage" .) }}
{{- end }}

{{- define "tada.ourImage" -}}
{{- $image := .root.Values.image -}}
{{ with $image.registry }}{{ trimSuffix "/" . }}/{{ end }}tada-{{ .image }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* The Service of the chart's Redis, or the host of an external one. */}}
{{- define "tada.redis" -}}
{{ .Values.redis.service | default (printf "%s-redis" (include "tada.fullname" .)) }}
{{- end }}

{{/* The Service of the internal entry: the host of mediaApi.service. */}}
{{- define "tada.api" -}}
{{- with .Values.mediaApi.service }}{{ regexReplaceAll "^(https?://)?([^:/.]+).*$" . "${2}" }}
{{- else }}{{ include "tada.fullname" . }}-api
{{- end }}
{{- end }}

{{- define "tada.apiPort" -}}
{{- with regexFind ":[0-9]+/?$" .Values.mediaApi.service }}{{ trimAll ":/" . }}{{ else }}80{{ end }}
{{- end }}

{{- define "tada.publicUrl" -}}
{{- $ingress := include "tada.ingress" (dict "root" . "side" "public") | fromYaml -}}
{{- $secure := or $ingress.tlsSecret (eq (include "tada.older" (dict "root" . "key" "protocol")) "https") -}}
{{- if .Values.publicUrl }}{{ .Values.publicUrl }}
{{- else if include "tada.older" (dict "root" . "key" "mediaApi.publicUrl") }}{{ include "tada.older" (dict "root" . "key" "mediaApi.publicUrl") }}
{{- else if $ingress.enabled }}{{ ternary "https" "http" (not (empty $secure)) }}://{{ $ingress.host }}
{{- else if .Values.local }}http://localhost:{{ .Values.edge.service.port }}
{{- end }}
{{- end }}

{{/* Whether there is an upload entry: true or nothing. */}}
{{- define "tada.takesUploads" -}}
{{- if or .Values.local .Values.uploadEntry.enabled .Values.ingress.upload.enabled }}true{{ end }}
{{- end }}

{{- define "tada.uploadUrl" -}}
{{- $ingress := .Values.ingress.upload -}}
{{- if .Values.uploadEntry.url }}{{ .Values.uploadEntry.url }}
{{- else if $ingress.enabled }}{{ ternary "https" "http" (ne $ingress.tlsSecret "") }}://{{ $ingress.host }}
{{- else if .Values.local }}http://localhost:8082
{{- end }}
{{- end }}

{{/* dict root component: the number of pods. */}}
{{- define "tada.replicas" -}}
{{- if .root.Values.local }}1
{{- else if has .component (list "transform" "edge") }}{{ (include "tada.scaling" . | fromYaml).replicas | int }}
{{- else }}{{ (index .root.Values .component).replicas | int }}
{{- end }}
{{- end }}

{{/* The storage method. */}}
{{- define "tada.storage" -}}
{{ .Values.delegatedStorage.storageMethod | default "STANDALONE" }}
{{- end }}

{{/* Whether the chart runs an S3 server: a text for true, empty for false. */}}
{{- define "tada.runsS3" -}}
{{- if and .Values.local (eq (include "tada.storage" .) "S3") }}true{{ end }}
{{- end }}

{{/* Host or address of the S3 server. If the chart runs it, the name of its Service. */}}
{{- define "tada.s3Endpoint" -}}
{{- if .Values.s3.endpoint }}{{ .Values.s3.endpoint }}
{{- else if include "tada.runsS3" . }}{{ include "tada.fullname" . }}-s3
{{- else }}{{ .Values.delegatedStorage.host }}
{{- end }}
{{- end }}

{{- define "tada.claim" -}}
{{ .Values.mediaApi.storage.existingClaim | default (printf "%s-storage" (include "tada.fullname" .)) }}
{{- end }}

{{/* A value as the text of an environment variable. Helm reads every number of YAML as a float. */}}
{{- define "tada.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* 10Gi as nginx writes it: 10g. */}}
{{- define "tada.nginxSize" -}}
{{ . | replace "Gi" "g" | replace "Mi" "m" }}
{{- end }}

{{/* The size of a volume for a cache of this size. It is a quarter more, for bodies in transfer and for files that are not
counted yet. It has at least room for the file of generations (10 MB, twice while it is written). */}}
{{- define "tada.cacheVolume" -}}
{{- $size := mul (regexFind "^[0-9]+" . | int) (ternary 1024 1 (hasSuffix "Gi" .)) -}}
{{ add $size (max (div $size 4) 32) }}Mi
{{- end }}

{{/* Memory for the data of Redis: half of the limit, because a rewrite of the log needs the rest for a copy. It is never
0mb, which is no limit for Redis. */}}
{{- define "tada.redisMemory" -}}
{{- $limit := include "tada.text" ((.Values.redis.resources.limits | default dict).memory | default "768Mi") -}}
{{- $number := regexFind "^[0-9.]+([eE][+-]?[0-9]+)?" $limit -}}
{{- $unit := trimPrefix $number $limit -}}
{{- $units := dict "" 1 "k" 1e3 "Ki" 1024 "M" 1e6 "Mi" 1048576 "G" 1e9 "Gi" 1073741824 "T" 1e12 "Ti" 1099511627776 -}}
{{- if .Values.redis.maxMemory }}{{ .Values.redis.maxMemory }}
{{- else if not (hasKey $units $unit) }}{{ fail (printf "redis.maxMemory: expected a size such as 384mb, because the memory limit is %q" $limit) }}
{{- else }}{{ max 1 (div (mulf (float64 $number) (float64 (get $units $unit)) | int64) 2097152) }}mb
{{- end }}
{{- end }}
