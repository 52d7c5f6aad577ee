{{/* What all Pods of a component share, those of hooks and tests too. All take (dict "root" $ "component" "exporter"). */}}
{{- define "camunda-autoscaler.podSettings" -}}
{{- $values := index .root.Values .component -}}
{{- $secrets := list -}}
{{- range concat .root.Values.global.imagePullSecrets .root.Values.imagePullSecrets -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
enableServiceLinks: false
{{- with uniq $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- if $values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- with default ($values.hostNetwork | ternary "ClusterFirstWithHostNet" "") $values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" }}
{{- with index $values $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- include "camunda-autoscaler.strings" . | nindent 2 }}
{{- end }}
{{- range $key := list "dnsConfig" "hostAliases" "affinity" "tolerations" "initContainers" }}
{{- with index $values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "camunda-autoscaler.topologySpread" -}}
{{- $values := index .root.Values .component -}}
{{- $selector := dict "matchLabels" (include "camunda-autoscaler.selectorLabels" . | fromYaml) -}}
{{- $constraints := $values.topologySpreadConstraints -}}
{{- if and (not $constraints) (gt (int $values.replicas) 1) -}}
{{- $constraints = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- with $constraints -}}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml (merge (deepCopy .) (dict "labelSelector" $selector)) | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end }}

{{/* What all containers of a component share. */}}
{{- define "camunda-autoscaler.containerSettings" -}}
{{- $values := index .root.Values .component -}}
image: {{ include "camunda-autoscaler.image" . | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
{{- with $values.extraEnv }}
env:
  {{- if kindIs "map" . }}
  {{- range $name, $value := . }}
  - {{- kindIs "map" $value | ternary $value (dict "value" (kindIs "float64" $value | ternary (int64 $value) $value | toString)) | merge (dict "name" $name) | toYaml | nindent 4 }}
  {{- end }}
  {{- else }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with $values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
securityContext:
  {{- toYaml $values.securityContext | nindent 2 }}
{{- end }}

{{/* The kubelet can only open the port of a server with TLS or passwords: enough for readiness, but a stuck
process accepts connections too, so there is no liveness probe then. */}}
{{- define "camunda-autoscaler.probes" -}}
{{- $values := index .root.Values .component -}}
{{- if $values.web.existingSecret -}}
readinessProbe:
  tcpSocket: {port: http-metrics}
  {{- toYaml $values.readinessProbe | nindent 2 }}
{{- else -}}
livenessProbe:
  httpGet: {path: /-/healthy, port: http-metrics}
  {{- toYaml $values.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /-/ready, port: http-metrics}
  {{- toYaml $values.readinessProbe | nindent 2 }}
{{- end -}}
{{- end }}

{{/* Arguments of both programs, after each one's own. */}}
{{- define "camunda-autoscaler.commonArgs" -}}
{{- $values := index .root.Values .component -}}
{{- $args := list -}}
{{- if $values.web.existingSecret -}}
{{- $args = append $args (printf "--web.config.file=/etc/camunda-%s/web/web.yml" .component) -}}
{{- end -}}
{{- concat $args (list (printf "--log.level=%s" $values.log.level) (printf "--log.format=%s" $values.log.format)) $values.extraArgs | toYaml -}}
{{- end }}

{{/* Files of both programs, after each one's own: "secrets" is the Secret with credentials. */}}
{{- define "camunda-autoscaler.commonMounts" -}}
{{- $values := index .root.Values .component -}}
{{- $folder := printf "/etc/camunda-%s" .component -}}
{{- $mounts := list -}}
{{- if .secrets -}}{{- $mounts = append $mounts (dict "name" "secrets" "mountPath" (printf "%s/secrets" $folder) "readOnly" true) -}}{{- end -}}
{{- if $values.web.existingSecret -}}{{- $mounts = append $mounts (dict "name" "web" "mountPath" (printf "%s/web" $folder) "readOnly" true) -}}{{- end -}}
{{- concat $mounts $values.extraVolumeMounts | toYaml -}}
{{- end }}

{{- define "camunda-autoscaler.commonVolumes" -}}
{{- $values := index .root.Values .component -}}
{{- $volumes := list -}}
{{- with .secrets -}}{{- $volumes = append $volumes (dict "name" "secrets" "secret" (dict "secretName" .)) -}}{{- end -}}
{{- with $values.web.existingSecret -}}{{- $volumes = append $volumes (dict "name" "web" "secret" (dict "secretName" .)) -}}{{- end -}}
{{- concat $volumes $values.extraVolumes | toYaml -}}
{{- end }}
