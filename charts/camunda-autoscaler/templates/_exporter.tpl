{{/* The exporter's arguments, mounts and volumes, as lists. */}}
{{- define "camunda-autoscaler.exporter.args" -}}
{{- with .Values.exporter.camunda -}}
- --camunda.url={{ required "exporter.camunda.url is empty: set it to the engine's REST API, e.g. http://camunda-service:8080/engine-rest" .url }}
{{- with .engineName }}
- --camunda.engine-name={{ . }}
{{- end }}
- --camunda.window={{ .window }}
- --camunda.settle-lag={{ .settleLag }}
- --camunda.timeout={{ .timeout }}
- --camunda.recount-horizon={{ .recountHorizon }}
{{- if .rootInstancesOnly }}
- --camunda.root-instances-only
{{- end }}
{{- range .processDefinitionKeys }}
- --camunda.process-definition-key={{ . }}
{{- end }}
{{- range .tenants }}
- --camunda.tenant={{ . }}
{{- end }}
{{- if .httpConfig }}
- --camunda.config.file=/etc/camunda-exporter/config.yml
{{- end }}
{{- end }}
{{- end }}

{{- define "camunda-autoscaler.exporter.mounts" -}}
{{- if .Values.exporter.camunda.httpConfig -}}
- name: config
  mountPath: /etc/camunda-exporter/config.yml
  subPath: config.yml
  readOnly: true
{{- end }}
{{- end }}

{{- define "camunda-autoscaler.exporter.volumes" -}}
{{- if .Values.exporter.camunda.httpConfig -}}
- name: config
  configMap:
    name: {{ include "camunda-autoscaler.componentName" (dict "root" . "component" "exporter") }}
{{- end }}
{{- end }}
