{{/* dict root component: the container of an nginx tier. */}}
{{- define "tada.nginx" -}}
- name: nginx
  image: {{ include "tada.image" (merge (dict "image" "gateway") .) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  env: {{- include "tada.env" . | trim | nindent 4 }}
  ports:
    - name: http
      containerPort: {{ ternary 8080 8081 (eq .component "edge") }}
    {{- if eq .component "cache" }}
    - name: api
      containerPort: 3001
    {{- if include "tada.takesUploads" .root }}
    - name: upload
      containerPort: 8082
    {{- end }}
    {{- end }}
    {{- with include "tada.nginxMetrics" . }}
    - name: metrics
      containerPort: {{ . }}
    {{- end }}
  startupProbe:
    httpGet: {path: /healthz, port: http}
    periodSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /healthz, port: http}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet: {path: /healthz, port: http}
    {{- if eq .component "edge" }}
    # The jobs worker finds the edges by DNS, where an answer can be 5 seconds old. With this delay the worker brings the
    # edge up to date before the public reaches it.
    initialDelaySeconds: 10
    {{- end }}
    periodSeconds: 5
    timeoutSeconds: 5
    failureThreshold: 3
  {{- include "tada.lifecycle" .root | nindent 2 }}
  {{- include "tada.resources" . | nindent 2 }}
  {{- include "tada.containerSecurity" . | nindent 2 }}
  volumeMounts:
    - name: cache
      mountPath: /var/cache/tada
    - name: run
      mountPath: /run/tada
{{- end }}

{{/* dict root component: the port for metrics of an nginx tier; empty if it has none. */}}
{{- define "tada.nginxMetrics" -}}
{{- $settings := include "tada.settings" . | fromYaml -}}
{{ regexFind "[0-9]+$" $settings.METRICS_LISTEN }}
{{- end }}

{{/* dict root component: the labels of the pods of an nginx tier. */}}
{{- define "tada.nginxLabels" -}}
{{ include "tada.labels" . }}
{{- if include "tada.nginxMetrics" . }}
tada/metrics: served
{{- end }}
{{- end }}

{{/* The rendered configuration contains the purge token. It must never be on a disk. */}}
{{- define "tada.nginxRun" -}}
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- end }}
