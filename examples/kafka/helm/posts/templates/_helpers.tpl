{{- define "posts.bootstrap" -}}
{{- if .Values.kafka.enabled }}{{ include "kafka.bootstrap" . }}{{ else }}{{ required "bootstrapServers: name the brokers, or set kafka.enabled" .Values.bootstrapServers }}{{ end }}
{{- end }}

{{- define "posts.env" -}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ include "posts.bootstrap" . | quote }}}
- {name: TOPIC, value: {{ .Values.topic | quote }}}
{{- end }}

{{- define "posts.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "posts.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "posts.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
