{{- define "scan.labels" -}}
app.kubernetes.io/name: scan-workers
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "scan.secret" -}}
{{- if .Values.amqp.existingSecret -}}
{{ .Values.amqp.existingSecret }}
{{- else -}}
{{- $_ := required "amqp.url, or amqp.existingSecret with the name of a Secret, has to say where the broker is" .Values.amqp.url -}}
{{ .Release.Name }}-amqp
{{- end -}}
{{- end -}}

{{- define "scan.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "scan.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
