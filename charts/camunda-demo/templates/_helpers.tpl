{{/* The objects have fixed names, as the autoscaler's defaults expect: one demo in a namespace. */}}
{{- define "camunda-demo.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "camunda-demo.labels" -}}
{{ include "camunda-demo.selectorLabels" . }}
app.kubernetes.io/part-of: camunda-autoscaler
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* registry/repository:tag@digest; the official images come from Docker Hub, which needs no name. */}}
{{- define "camunda-demo.image" -}}
{{- $image := (index .root.Values .component).image -}}
{{- with coalesce $image.registry .root.Values.global.imageRegistry (eq .component "starter" | ternary "ghcr.io" "") }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}:{{ default .root.Chart.AppVersion $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{- define "camunda-demo.podSettings" -}}
enableServiceLinks: false
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {{ kindIs "string" . | ternary (dict "name" .) . | toJson }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "camunda-demo.securityContext" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
{{- end }}

{{- define "camunda-demo.databaseSecret" -}}
{{- default "db" .Values.postgres.existingSecret -}}
{{- end }}
