{{/* dict root component: the common part of all pods. */}}
{{- define "tada.podSpec" -}}
{{- $own := index .root.Values .component -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
securityContext: {{- include "tada.podSecurity" 10001 | nindent 2 }}
{{- include "tada.placement" . }}
{{- if not .root.Values.local }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "tada.selector" . | nindent 8 }}
{{- end }}
{{- end }}

{{- define "tada.placement" -}}
{{- $own := index .root.Values .component -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The number of a user. It owns the volumes. */}}
{{- define "tada.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "tada.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* root: annotations of a pod. They change with the chart's own Secret, so that the pods are replaced. */}}
{{- define "tada.podAnnotations" -}}
{{- $own := (index .root.Values .component).podAnnotations -}}
{{- $all := merge (dict "checksum/secret" (include "tada.secretValues" .root | sha256sum)) $own -}}
{{ toYaml $all }}
{{- end }}

{{/* dict root component: resources. In local mode only the limits. */}}
{{- define "tada.resources" -}}
{{- $resources := include "tada.resourcesOf" . | fromYaml -}}
{{- if .root.Values.local }}{{ $resources = merge (dict "requests" (dict "cpu" "0" "memory" "0")) (omit $resources "requests") }}{{ end -}}
resources: {{- toYaml $resources | nindent 2 }}
{{- end }}

{{/* preStop: the pod leaves the Services first. It still serves requests, and then stops. */}}
{{- define "tada.lifecycle" -}}
lifecycle:
  preStop:
    exec:
      command: [sleep, {{ .Values.preStopSeconds | toString | quote }}]
{{- end }}

{{/* dict root component: the mounts of a service. With local storage all services share one volume. */}}
{{- define "tada.dataMounts" -}}
{{- $settings := include "tada.settings" . | fromYaml -}}
{{- $data := $settings.DATA_FOLDER_PATH -}}
{{- $dumps := $settings.DUMP_FOLDER_PATH | default "" -}}
- name: storage
  mountPath: {{ $data }}
  {{- if eq .component "transform" }}
  readOnly: true
  {{- end }}
{{- if and $dumps (eq (include "tada.storage" .root) "STANDALONE") (not (hasPrefix (printf "%s/" $data) $dumps)) }}
- name: storage
  mountPath: {{ $dumps }}
  subPath: dumps
{{- end }}
{{- if eq .component "catalog" }}
- name: search
  mountPath: {{ $settings.SEARCH_FOLDER_PATH }}
{{- end }}
- name: tmp
  mountPath: /tmp
{{- with (index .root.Values .component).extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "tada.dataVolumes" -}}
- name: storage
  {{- if eq (include "tada.storage" .root) "STANDALONE" }}
  persistentVolumeClaim:
    claimName: {{ include "tada.claim" .root }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ (index .root.Values .component).spool | default "16Mi" }}
  {{- end }}
{{- if eq .component "catalog" }}
- name: search
  emptyDir:
    sizeLimit: {{ .root.Values.catalog.searchSpace }}
{{- end }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- with (index .root.Values .component).extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* If only one node can use the volume, all pods that use it run on that node. */}}
{{- define "tada.together" -}}
{{- if and (eq (include "tada.storage" .) "STANDALONE") (not (has "ReadWriteMany" .Values.mediaApi.storage.accessModes)) }}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            app.kubernetes.io/instance: {{ .Release.Name }}
            tada/storage: shared
{{- end }}
{{- end }}
