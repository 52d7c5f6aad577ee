{{/* What the Pods of both components have in common; all take (dict "root" $ "component" "exporter"). */}}
{{- define "camunda-autoscaler.podSettings" -}}
{{- $values := index .root.Values .component -}}
{{- $selector := include "camunda-autoscaler.selectorLabels" . | fromYaml -}}
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range $values.topologySpreadConstraints }}
  - {{- toYaml (merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" $selector))) | nindent 4 }}
  {{- end }}
{{- else if gt (int $values.replicas) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- toYaml $selector | nindent 8 }}
{{- end }}
{{- end }}

{{/* Probes. With a web configuration of the user's own (TLS, passwords) the kubelet can only open the port: enough for
readiness; for liveness it would say nothing, for a stuck process accepts connections too. */}}
{{- define "camunda-autoscaler.probes" -}}
{{- $values := index .root.Values .component -}}
{{- if $values.web.existingSecret }}
readinessProbe:
  tcpSocket: {port: http-metrics}
  {{- toYaml $values.readinessProbe | nindent 2 }}
{{- else }}
livenessProbe:
  httpGet: {path: /-/healthy, port: http-metrics}
  {{- toYaml $values.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /-/ready, port: http-metrics}
  {{- toYaml $values.readinessProbe | nindent 2 }}
{{- end }}
{{- end }}

{{/* The scaler's files; its test and its check mount the same. The volume takes the ConfigMap's name. */}}
{{- define "camunda-autoscaler.scalerMounts" -}}
- name: config
  mountPath: /etc/camunda-scaler/config
  readOnly: true
{{- if .Values.scaler.existingSecret }}
- name: secrets
  mountPath: /etc/camunda-scaler/secrets
  readOnly: true
{{- end }}
{{- with .Values.scaler.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "camunda-autoscaler.scalerVolumes" -}}
- name: config
  configMap:
    name: {{ include "camunda-autoscaler.componentName" (dict "root" . "component" "scaler") }}
{{- with .Values.scaler.existingSecret }}
- name: secrets
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.scaler.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
