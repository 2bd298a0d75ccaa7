{{/* dict root component port scaled: the Deployment of a service. `scaled`: an autoscaler sets the number of pods. */}}
{{- define "tada.deployment" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $own := index $root.Values $component -}}
{{- $settings := include "tada.settings" . | fromYaml -}}
{{- $local := eq (include "tada.storage" $root) "STANDALONE" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "tada.fullname" $root }}-{{ $component }}
  labels: {{- include "tada.labels" . | nindent 4 }}
spec:
  {{- if not .scaled }}
  replicas: {{ include "tada.replicas" . }}
  {{- end }}
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels: {{- include "tada.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "tada.labels" . | nindent 8 }}
        tada/metrics: served
        {{- if $local }}
        tada/storage: shared
        {{- end }}
      annotations: {{- include "tada.podAnnotations" . | nindent 8 }}
    spec:
      {{- include "tada.podSpec" . | nindent 6 }}
      {{- with include "tada.together" $root }}
      {{- . | trim | nindent 6 }}
      {{- end }}
      containers:
        - name: {{ $component }}
          image: {{ include "tada.image" (merge (dict "image" $component) .) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          env: {{- include "tada.env" . | trim | nindent 12 }}
          ports:
            {{- with .port }}
            - name: http
              containerPort: {{ $settings.PORT | default . }}
            {{- end }}
            - name: metrics
              containerPort: {{ $settings.METRICS_PORT }}
          # If Redis or the storage is down, the pod is not ready, but it is not restarted. Each pod answers for itself.
          startupProbe:
            httpGet: {path: /startupz, port: metrics}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: {{ .ready }}, port: {{ ternary "http" "metrics" (hasKey . "port") }}}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 3
          {{- include "tada.lifecycle" $root | nindent 10 }}
          {{- include "tada.resources" . | nindent 10 }}
          {{- include "tada.containerSecurity" . | nindent 10 }}
          volumeMounts: {{- include "tada.dataMounts" . | nindent 12 }}
      volumes: {{- include "tada.dataVolumes" . | nindent 8 }}
{{- end }}

{{/* dict root component port: the Service of a component. */}}
{{- define "tada.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "tada.fullname" .root }}-{{ .component }}
  labels: {{- include "tada.labels" . | nindent 4 }}
spec:
  selector: {{- include "tada.selector" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .port }}
      targetPort: http
{{- end }}
