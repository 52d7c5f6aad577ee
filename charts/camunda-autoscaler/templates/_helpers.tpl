{{/* Names. A component's helpers take (dict "root" $ "component" "exporter"). */}}
{{- define "camunda-autoscaler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "camunda-autoscaler.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "camunda-autoscaler.componentName" -}}
{{- printf "%s-%s" (include "camunda-autoscaler.fullname" .root) .component -}}
{{- end }}

{{- define "camunda-autoscaler.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end }}

{{/* Selectors never change: an upgrade cannot change them. */}}
{{- define "camunda-autoscaler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "camunda-autoscaler.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels and annotations with every value as a string: YAML reads `grafana_dashboard: 1` as a number. */}}
{{- define "camunda-autoscaler.strings" -}}
{{- $all := dict -}}
{{- range $key, $value := . -}}
{{- $_ := set $all $key (kindIs "float64" $value | ternary (int64 $value) $value | toString) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end }}

{{- define "camunda-autoscaler.labels" -}}
{{- $own := dict
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
      "app.kubernetes.io/version" .root.Chart.AppVersion
      "app.kubernetes.io/part-of" "camunda-autoscaler"
      "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- $selector := include "camunda-autoscaler.selectorLabels" . | fromYaml }}
{{- mergeOverwrite (dict) .root.Values.commonLabels (default dict .labels) $own $selector | include "camunda-autoscaler.strings" }}
{{- end }}

{{/* The metadata of an object. Optional: "name", "namespace" ("*" for objects of the cluster), "labels", "annotations". */}}
{{- define "camunda-autoscaler.metadata" -}}
{{- $namespace := default (include "camunda-autoscaler.namespace" .root) .namespace -}}
name: {{ default (include "camunda-autoscaler.componentName" .) .name }}
{{- if ne $namespace "*" }}
namespace: {{ $namespace }}
{{- end }}
labels:
  {{- include "camunda-autoscaler.labels" . | nindent 2 }}
{{- with mergeOverwrite (dict) .root.Values.commonAnnotations (default dict .annotations) }}
annotations:
  {{- include "camunda-autoscaler.strings" . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Labels of a Pod carry no version: upgrading the chart alone restarts nothing. */}}
{{- define "camunda-autoscaler.podLabels" -}}
{{- $selector := include "camunda-autoscaler.selectorLabels" . | fromYaml }}
{{- mergeOverwrite (dict) .root.Values.commonLabels (default dict .labels) $selector | include "camunda-autoscaler.strings" }}
{{- end }}

{{- define "camunda-autoscaler.serviceAccountName" -}}
{{- $values := index .root.Values .component -}}
{{- if $values.serviceAccount.create -}}
{{- default (include "camunda-autoscaler.componentName" .) $values.serviceAccount.name -}}
{{- else -}}
{{- default "default" $values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* registry/repository:tag@digest */}}
{{- define "camunda-autoscaler.image" -}}
{{- $image := (index .root.Values .component).image -}}
{{- coalesce $image.registry .root.Values.global.imageRegistry "ghcr.io" | trimSuffix "/" }}/
{{- $image.repository }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{/* A duration such as 1m30s in milliseconds. */}}
{{- define "camunda-autoscaler.milliseconds" -}}
{{- $total := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $total = add $total (mul (regexFind "[0-9]+" . | int64) (index (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) $unit)) -}}
{{- end -}}
{{- $total -}}
{{- end }}
