{{/* dict root component: the HorizontalPodAutoscaler of a Deployment. */}}
{{- define "tada.autoscaler" -}}
{{- $scaling := include "tada.scaling" . | fromYaml -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "tada.fullname" .root }}-{{ .component }}
  labels: {{- include "tada.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "tada.fullname" .root }}-{{ .component }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    {{- with $scaling.cpu }}
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ . }}
    {{- end }}
    {{- with $scaling.queueLength }}
    {{- if .target }}
    - type: Pods
      pods:
        metric:
          name: {{ .metric }}
        target:
          type: AverageValue
          averageValue: {{ .target | quote }}
    {{- end }}
    {{- end }}
  behavior:
    # Requests come in waves. A pod that was started for one wave has a full cache, and stays for the next one.
    scaleDown:
      stabilizationWindowSeconds: 600
{{- end }}
