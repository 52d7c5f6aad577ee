{{- define "kafka.fullname" -}}
{{- if contains "kafka" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-kafka{{ end }}
{{- end }}

{{- define "kafka.labels" -}}
app.kubernetes.io/name: kafka
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "kafka.selector" -}}
app.kubernetes.io/name: kafka
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: node
{{- end }}

{{- /* The domain of the nodes' own names. */ -}}
{{- define "kafka.domain" -}}
{{ include "kafka.fullname" . }}-nodes.{{ .Release.Namespace }}.svc
{{- end }}

{{- /* What clients are given; also used by charts that depend on this one. */ -}}
{{- define "kafka.bootstrap" -}}
{{ include "kafka.fullname" . }}.{{ .Release.Namespace }}.svc:9092
{{- end }}

{{- /* An id of 16 bytes, as Kafka writes it, which stays the same for a text. */ -}}
{{- define "kafka.uuid" -}}
{{ sha256sum . | trunc 16 | b64enc | trimSuffix "==" }}
{{- end }}

{{- define "kafka.controllers" -}}
{{- $addresses := list }}
{{- range $i := until (int .Values.controllers) }}
{{- $addresses = append $addresses (printf "%s-%d.%s:9093" (include "kafka.fullname" $) $i (include "kafka.domain" $)) }}
{{- end }}
{{- join "," $addresses }}
{{- end }}

{{- define "kafka.initialControllers" -}}
{{- $voters := list }}
{{- range $i := until (int .Values.controllers) }}
{{- $name := printf "%s-%d.%s" (include "kafka.fullname" $) $i (include "kafka.domain" $) }}
{{- $voters = append $voters (printf "%d@%s:9093:%s" $i $name (include "kafka.uuid" $name)) }}
{{- end }}
{{- join "," $voters }}
{{- end }}

{{- define "kafka.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "kafka.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: {type: RuntimeDefault}
{{- end }}
