{{- define "siskin.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "siskin.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "siskin.labels" -}}
{{ include "siskin.selectorLabels" . }}
{{ include "siskin.commonLabels" . }}
{{- end -}}

{{- define "siskin.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "siskin.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "siskin.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "siskin.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "siskin.resources" -}}
requests:
  cpu: {{ .Values.cores | quote }}
  memory: {{ .Values.memory }}
limits:
  {{- if .Values.cpuLimit }}
  cpu: {{ .Values.cores | quote }}
  {{- end }}
  memory: {{ .Values.memory }}
{{- end -}}

{{/* The volume named "models"; nothing with random weights. */}}
{{- define "siskin.modelsVolume" -}}
{{- with .Values.models -}}
{{- if eq .source "persistentVolumeClaim" -}}
persistentVolumeClaim:
  claimName: {{ .persistentVolumeClaim.claimName }}
  readOnly: true
{{- else if eq .source "image" -}}
image:
  reference: {{ .image.reference }}
  pullPolicy: {{ .image.pullPolicy }}
{{- else if eq .source "initContainer" -}}
emptyDir:
  sizeLimit: {{ .initContainer.sizeLimit }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Scales up at once, down after five quiet minutes. */}}
{{- define "siskin.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies:
    - type: Percent
      value: 100
      periodSeconds: 15
    - type: Pods
      value: 2
      periodSeconds: 15
scaleDown:
  stabilizationWindowSeconds: 300
  policies:
    - type: Percent
      value: 50
      periodSeconds: 60
{{- end -}}
