{{/* The values by the names of the settings. An empty value is left out, and the service uses its default. */}}
{{- define "tada.settings.shared" -}}
{{- $media := .Values.mediaApi -}}
API_PREFIX: {{ $media.apiPrefix | quote }}
ROUTE_FILE_GET: {{ $media.routes.file.get | quote }}
ROUTE_CATALOG_GET: {{ $media.routes.catalog.get | quote }}
{{- end }}

{{- define "tada.settings.services" -}}
{{- $method := include "tada.storage" . -}}
{{- $backend := .Values.delegatedStorage -}}
METRICS_HOST: "0.0.0.0"
METRICS_PORT: {{ include "tada.text" .Values.metrics.port | quote }}
DATA_FOLDER_PATH: /storage
PUBLIC_URL: {{ include "tada.publicUrl" . | quote }}
BROWSER_SECONDS: {{ include "tada.browserSeconds" . | quote }}
NAMESPACES_ALLOWED: {{ .Values.NAMESPACES_ALLOWED | quote }}
DELEGATED_STORAGE_METHOD: {{ .Values.delegatedStorage.storageMethod | quote }}
{{- if eq $method "S3" }}
S3_ENDPOINT: {{ include "tada.s3Endpoint" . | quote }}
S3_PORT: {{ .Values.s3.port | toString | quote }}
S3_BUCKET_NAME: {{ .Values.s3.bucketName | quote }}
{{- else if eq $method "DISTANT_BACKEND" }}
DELEGATED_STORAGE_HOST: {{ ternary $backend.host (printf "http://%s" $backend.host) (contains "://" $backend.host) | quote }}
DELEGATED_STORAGE_READINESS_CHECK: {{ $backend.routes.readinessCheck | quote }}
DELEGATED_STORAGE_SINGLE_PATH: {{ include "tada.older" (dict "root" . "key" "delegatedStorage.path.single") | quote }}
DELEGATED_STORAGE_MULTI_PATH: {{ include "tada.older" (dict "root" . "key" "delegatedStorage.path.multi") | quote }}
URL_TO_GET_BACKUP: {{ include "tada.older" (dict "root" . "key" "mediaApi.routes.backup.get") | default (include "tada.older" (dict "root" . "key" "redis.initScript.urlToGetBackup")) | quote }}
URL_TO_POST_BACKUP: {{ include "tada.older" (dict "root" . "key" "mediaApi.routes.backup.post") | default (include "tada.older" (dict "root" . "key" "mediaApi.routes.post_backup.post")) | quote }}
{{- end }}
{{- end }}

{{- define "tada.settings.catalog" -}}
{{- $media := .Values.mediaApi -}}
HOST: "0.0.0.0"
DUMP_FOLDER_PATH: {{ .Values.redis.dumpFolderPath | quote }}
SEARCH_FOLDER_PATH: /search
HEALTHCHECK_ROUTE: {{ $media.routes.healthcheck.get | quote }}
ROUTE_FILE_POST: {{ $media.routes.file.post | quote }}
ROUTE_FILES_POST: {{ $media.routes.files.post | quote }}
PAYLOAD_MAX_SIZE: {{ include "tada.text" $media.payloadMaxSize | quote }}
USE_STRIPMETADATA: {{ include "tada.older" (dict "root" . "key" "mediaApi.useStripMetadata") | quote }}
CONVERT_TO_WEBP: {{ include "tada.older" (dict "root" . "key" "mediaApi.convertToWebp") | quote }}
PAYLOAD_MAX_FILES: {{ include "tada.text" $media.payloadMaxFiles | quote }}
ORIGINS_ALLOWED: {{ $media.originsAllowed | quote }}
METHODS_ALLOWED: {{ $media.methodsAllowed | quote }}
UPLOAD_URL: {{ include "tada.uploadUrl" . | quote }}
RATE_LIMIT: {{ include "tada.text" .Values.rateLimit.limit | quote }}
RATE_LIMIT_WINDOW_MS: {{ include "tada.text" .Values.rateLimit.windowMs | quote }}
MEDIA_API_RATE_LIMIT: {{ include "tada.text" $media.rateLimit.limit | quote }}
MEDIA_API_RATE_LIMIT_WINDOW_MS: {{ include "tada.text" $media.rateLimit.windowMs | quote }}
{{- end }}

{{- define "tada.settings.transform" -}}
HOST: "0.0.0.0"
DELEGATED_STORAGE_RATE_LIMIT: {{ include "tada.text" .Values.delegatedStorage.rateLimit | quote }}
DELEGATED_STORAGE_RATE_LIMIT_WINDOW_MS: {{ include "tada.text" .Values.delegatedStorage.rateLimitWindow | quote }}
{{- end }}

{{- define "tada.settings.jobs" -}}
DUMP_FOLDER_PATH: {{ .Values.redis.dumpFolderPath | quote }}
RESTORE_ON_INIT: {{ include "tada.older" (dict "root" . "key" "redis.initScript.restoreOnInit") | quote }}
DUMP_FILE_NAME_ON_INIT: {{ include "tada.older" (dict "root" . "key" "redis.initScript.dumpFileNameOnInit") | quote }}
PUBLISH_CRON: {{ include "tada.publishCron" . | quote }}
NGINX_SERVICE: {{ include "tada.cacheNodes" . | fromYamlArray | join "," | quote }}
NGINX_EDGE_SERVICE: {{ printf "http://%s-edge-pods:8080" (include "tada.fullname" .) | quote }}
{{- end }}

{{- define "tada.settings.gateway" -}}
ORIGINS_ALLOWED: {{ .Values.mediaApi.originsAllowed | quote }}
CACHE_SERVERS: {{ include "tada.cacheServers" . | quote }}
METRICS_LISTEN: {{ printf "0.0.0.0:%s" (include "tada.text" .Values.metrics.gatewayPort) | quote }}
{{- end }}

{{- define "tada.settings.edge" -}}
TIER: edge
CACHE_MAX_SIZE: {{ include "tada.nginxSize" .Values.edge.cacheSize | quote }}
{{ include "tada.settings.gateway" . }}
{{- end }}

{{- define "tada.settings.cache" -}}
{{- $name := include "tada.fullname" . -}}
TIER: cache
CACHE_MAX_SIZE: {{ include "tada.nginxSize" .Values.cache.cacheSize | quote }}
CATALOG_SERVERS: {{ printf "server %s-catalog:3010 max_fails=0;" $name | quote }}
TRANSFORM_SERVERS: {{ printf "server %s-transform:3020 max_fails=0;" $name | quote }}
UPLOAD_LISTEN: {{ ternary "0.0.0.0:8082" "off" (eq (include "tada.takesUploads" .) "true") | quote }}
{{ include "tada.settings.gateway" . }}
{{- end }}

{{/* Each node of the cache tier has a Service, because its address stays. nginx looks up names once, at its start. */}}
{{- define "tada.cacheNodes" -}}
{{- $name := include "tada.fullname" . -}}
{{- range $number := until (include "tada.replicas" (dict "root" . "component" "cache") | int) }}
- http://{{ $name }}-cache-{{ $number }}:8081
{{- end }}
{{- end }}

{{/* If a node does not answer, the next one is asked. max_fails=0: nginx skips no node for a time after that. Otherwise it
could skip all nodes while they are replaced one after the other. */}}
{{- define "tada.cacheServers" -}}
{{- $nodes := include "tada.cacheNodes" . | fromYamlArray -}}
{{- $used := .Values.cache.used | int | default (len $nodes) -}}
{{- $used = min $used (len $nodes) -}}
{{- $servers := list -}}
{{- range slice $nodes 0 $used }}{{ $servers = append $servers (printf "server %s max_fails=0;" (trimPrefix "http://" .)) }}{{ end -}}
{{ join " " $servers }}
{{- end }}

{{/* dict root component: all settings of a component that are not secrets, as YAML. */}}
{{- define "tada.settings" -}}
{{- $gateway := has .component (list "edge" "cache") -}}
{{- $shared := include "tada.settings.shared" .root | fromYaml -}}
{{- $services := ternary dict (include "tada.settings.services" .root | fromYaml) $gateway -}}
{{- $own := include (printf "tada.settings.%s" .component) .root | fromYaml -}}
{{- $settings := dict -}}
{{- range $name, $value := mustMergeOverwrite $shared $services $own }}
{{- if ne $value "" }}{{ $_ := set $settings $name $value }}{{ end }}
{{- end }}
{{- range $given := list .root.Values.settings (index .root.Values .component).settings }}
{{- range $name, $value := $given }}{{ $_ := set $settings $name (include "tada.text" $value) }}{{ end }}
{{- end }}
{{- range $name := include "tada.secretNames" .root | fromYamlArray }}
{{- if hasKey $settings $name }}{{ fail (printf "settings.%s: is a secret; put it into secrets.%s, or into the Secret of existingSecret" $name $name) }}{{ end }}
{{- end }}
{{- toYaml $settings }}
{{- end }}
