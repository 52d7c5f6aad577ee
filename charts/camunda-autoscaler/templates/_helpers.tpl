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

{{/* What a Deployment selects by. Never changes: a selector cannot be changed by an upgrade. */}}
{{- define "camunda-autoscaler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "camunda-autoscaler.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "camunda-autoscaler.labels" -}}
{{- $own := dict
      "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
      "app.kubernetes.io/version" .root.Chart.AppVersion
      "app.kubernetes.io/part-of" "camunda-autoscaler"
      "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- $selector := include "camunda-autoscaler.selectorLabels" . | fromYaml }}
{{- mergeOverwrite (dict) .root.Values.commonLabels (default dict .labels) $own $selector | toYaml }}
{{- end }}

{{/* Labels of a Pod: nothing with a version, so that a new chart alone restarts nothing. */}}
{{- define "camunda-autoscaler.podLabels" -}}
{{- $selector := include "camunda-autoscaler.selectorLabels" . | fromYaml }}
{{- mergeOverwrite (dict) .root.Values.commonLabels (default dict .labels) $selector | toYaml }}
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
{{- $image.repository }}:{{ default .root.Chart.AppVersion $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{/* The scaler's file: the values as they are, plus the release's namespace for workloads that name none. */}}
{{- define "camunda-autoscaler.scalerConfig" -}}
{{- $config := deepCopy .Values.scaler.config -}}
{{- $namespace := include "camunda-autoscaler.namespace" . -}}
{{- $_ := required "scaler.config.prometheus.url is empty: set it to your Prometheus, e.g. http://prometheus-operated.monitoring:9090" (dig "prometheus" "url" "" $config) -}}
{{- range $target := $config.targets -}}
{{- if kindIs "map" $target.workloads -}}
{{- if not (or $target.workloads.namespace $target.workloads.namespace_label) -}}
{{- $_ := set $target.workloads "namespace" $namespace -}}
{{- end -}}
{{- else -}}
{{- if not (kindIs "map" $target.workload) -}}{{- $_ := set $target "workload" dict -}}{{- end -}}
{{- if not $target.workload.namespace -}}{{- $_ := set $target.workload "namespace" $namespace -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{/* The credentials in clear text that an http_config may hold belong in a Secret. */}}
{{- define "camunda-autoscaler.refuseSecrets" -}}
{{- $text := toYaml .config -}}
{{- if regexMatch "(?m)^\\s*(- )?(password|bearer_token|credentials|client_secret|key|client_certificate_key|secrets):" $text -}}
{{- fail (printf "%s holds a secret in clear text: put it into a Secret, name that in %s, and refer to the file (password_file, credentials_file, client_secret_file, key_file)" .path .secret) -}}
{{- end -}}
{{- end }}
