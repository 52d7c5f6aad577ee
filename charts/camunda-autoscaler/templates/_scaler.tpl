{{/* The scaler's arguments, mounts and volumes, as lists. */}}
{{- define "camunda-autoscaler.scaler.args" -}}
{{- $me := dict "root" . "component" "scaler" -}}
{{- with .Values.scaler -}}
- --config.file=/etc/camunda-scaler/config/config.yml
- --config.auto-reload
{{- if .dryRun }}
- --dry-run
{{- end }}
{{- if not .events }}
- --no-events
{{- end }}
{{- if .leaderElection.enabled }}
- --leader-election
- --leader-election.namespace={{ include "camunda-autoscaler.namespace" $ }}
- --leader-election.name={{ include "camunda-autoscaler.scaler.lease" $ }}
{{- end }}
{{- end }}
{{- end }}

{{/* The folder is mounted, not the file: a file mounted by subPath never changes. */}}
{{- define "camunda-autoscaler.scaler.mounts" -}}
- name: config
  mountPath: /etc/camunda-scaler/config
  readOnly: true
{{- end }}

{{- define "camunda-autoscaler.scaler.volumes" -}}
{{- include "camunda-autoscaler.scaler.configVolume" (dict "root" . "configMap" (include "camunda-autoscaler.componentName" (dict "root" . "component" "scaler"))) -}}
{{- end }}

{{/* The volume of the configuration: scaler.existingConfig, or else "configMap". */}}
{{- define "camunda-autoscaler.scaler.configVolume" -}}
{{- with .root.Values.scaler.existingConfig -}}
- name: config
  {{- if .secret }}
  secret:
    secretName: {{ .secret }}
  {{- else }}
  configMap:
    name: {{ default $.configMap .configMap }}
  {{- end }}
    items: [{key: {{ .configMap | or .secret | empty | ternary "config.yml" .key }}, path: config.yml}]
{{- end }}
{{- end }}

{{- define "camunda-autoscaler.scaler.lease" -}}
{{- default (include "camunda-autoscaler.componentName" (dict "root" . "component" "scaler")) .Values.scaler.leaderElection.name -}}
{{- end }}

{{- define "camunda-autoscaler.scaler.hasExistingConfig" -}}
{{- with .Values.scaler.existingConfig -}}{{- or .configMap .secret -}}{{- end -}}
{{- end }}

{{/* The targets as a list: scaler.config.targets, or else scaler.targets. Workloads that name no namespace are in the release's. */}}
{{- define "camunda-autoscaler.scaler.targets" -}}
{{- $targets := default list .Values.scaler.config.targets -}}
{{- if not $targets -}}
{{- range $name, $target := .Values.scaler.targets -}}
{{- if $target -}}{{- $targets = append $targets (merge (deepCopy $target) (dict "name" $name)) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $targets = deepCopy $targets -}}
{{- $namespace := include "camunda-autoscaler.namespace" . -}}
{{- range $target := $targets -}}
{{- with $target.workloads -}}
{{- if not (or .namespace .namespace_label) -}}{{- $_ := set . "namespace" $namespace -}}{{- end -}}
{{- else -}}
{{- $_ := set $target "workload" (merge (default dict $target.workload) (dict "namespace" $namespace)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $targets -}}
{{- end }}

{{/* The scaler's file. */}}
{{- define "camunda-autoscaler.scaler.config" -}}
{{- $config := .Values.scaler.config -}}
{{- if not (dig "prometheus" "url" "" $config) -}}{{- $config = omit $config "prometheus" -}}{{- end -}}
{{- mergeOverwrite (deepCopy $config) (dict "targets" (include "camunda-autoscaler.scaler.targets" . | fromYamlArray)) | toYaml -}}
{{- end }}
