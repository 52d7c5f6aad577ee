{{- define "batch.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "batch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "batch.name" .) .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "batch.name" .) | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "batch.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "batch.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "batch.labels" -}}
app.kubernetes.io/name: {{ include "batch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* A quantity of Kubernetes in thousandths of a CPU or in KiB: dict "of" what, "quantity" it. */}}
{{- define "batch.quantity" -}}
{{- $q := toString .quantity -}}
{{- $units := dict "" 1.0 "k" 1000.0 "M" 1000000.0 "G" 1000000000.0 "T" 1000000000000.0 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "m" 0.001 -}}
{{- $number := regexFind "^[0-9.]+" $q -}}
{{- $unit := trimPrefix $number $q -}}
{{- if or (not $number) (not (hasKey $units $unit)) -}}
{{- fail (printf "%s: %q is not a quantity such as 500m, 2, 512Mi or 4Gi" .of $q) -}}
{{- end -}}
{{- $smallest := ternary 1000.0 (divf 1.0 1024.0) (hasSuffix "cpu" .of) -}}
{{- mulf (float64 $number) (get $units $unit) $smallest | ceil | int64 -}}
{{- end -}}

{{/* What a node has and each job takes, as JSON, the largest job first: by the share of a node, in thousandths, of what it takes most of. */}}
{{- define "batch.sizes" -}}
{{- $node := dict -}}
{{- range $resource := list "cpu" "memory" -}}
  {{- $size := required (printf "nodeSize.%s is missing: nodeSize says what a node has of both, cpu and memory" $resource) (get $.Values.nodeSize $resource) -}}
  {{- $_ := set $node $resource (include "batch.quantity" (dict "of" (printf "nodeSize.%s" $resource) "quantity" $size) | int64) -}}
{{- end -}}
{{- $byKey := dict -}}
{{- range $i, $job := .Values.jobs -}}
  {{- $requests := merge dict ((($job.resources).requests) | default dict) ((($job.resources).limits) | default dict) -}}
  {{- $size := dict "index" $i -}}
  {{- $share := 0 -}}
  {{- range $resource := list "cpu" "memory" -}}
    {{- $of := printf "jobs[%d].resources.requests.%s" $i $resource -}}
    {{- $quantity := include "batch.quantity" (dict "of" $of "quantity" (required (printf "%s is missing: with nodeSize the chart has to know it" $of) (get $requests $resource))) | int64 -}}
    {{- if gt $quantity (get $node $resource) -}}
      {{- fail (printf "%s is more than nodeSize.%s: no node has room for the job" $of $resource) -}}
    {{- end -}}
    {{- $_ := set $size $resource $quantity -}}
    {{- $share = max $share (div (mul $quantity 1000000) (get $node $resource)) -}}
  {{- end -}}
  {{- $_ := set $byKey (printf "%09d %09d" $share (sub 999999 $i)) $size -}}
{{- end -}}
{{- $jobs := list -}}
{{- range $key := keys $byKey | sortAlpha | reverse }}{{ $jobs = append $jobs (get $byKey $key) }}{{ end -}}
{{- toJson (dict "node" $node "jobs" $jobs) -}}
{{- end -}}

{{/*
The plan, as JSON: for each job by its index the number of its node. One node after another is filled, each time with the job that
leaves the least: the sum of the squares of the free shares of CPU and memory. That is tried with five weights of CPU against memory,
and the plan with the fewest nodes is taken.
*/}}
{{- define "batch.plan" -}}
{{- $sizes := include "batch.sizes" . | fromJson -}}
{{- $node := dict "cpu" (int64 $sizes.node.cpu) "memory" (int64 $sizes.node.memory) -}}
{{- $best := dict "nodes" (add1 (len $sizes.jobs)) "plan" dict -}}
{{- range $weight := list 5 3 7 1 9 -}}
  {{- $left := $sizes.jobs -}}
  {{- $plan := dict -}}
  {{- range $n := until (len $sizes.jobs) -}}
    {{- if not $left }}{{ break }}{{ end -}}
    {{- $cpu := $node.cpu -}}
    {{- $memory := $node.memory -}}
    {{- range until (len $left) -}}
      {{- $pick := dict "at" -1 "score" 0 -}}
      {{- range $at, $job := $left -}}
        {{- $freeCPU := sub $cpu (int64 $job.cpu) -}}
        {{- $freeMemory := sub $memory (int64 $job.memory) -}}
        {{- if and (ge $freeCPU 0) (ge $freeMemory 0) -}}
          {{- $c := div (mul $freeCPU 1000) $node.cpu -}}
          {{- $m := div (mul $freeMemory 1000) $node.memory -}}
          {{- $score := add (mul $weight $c $c) (mul (sub 10 $weight) $m $m) -}}
          {{- if or (lt (int $pick.at) 0) (lt $score $pick.score) }}{{ $_ := set $pick "at" $at }}{{ $_ := set $pick "score" $score }}{{ end -}}
        {{- end -}}
      {{- end -}}
      {{- if lt (int $pick.at) 0 }}{{ break }}{{ end -}}
      {{- $job := index $left $pick.at -}}
      {{- $_ := set $plan (toString $job.index) $n -}}
      {{- $cpu = sub $cpu (int64 $job.cpu) -}}
      {{- $memory = sub $memory (int64 $job.memory) -}}
      {{- $left = concat (slice $left 0 $pick.at) (slice $left (add1 $pick.at)) -}}
    {{- end -}}
  {{- end -}}
  {{- $nodes := 0 -}}
  {{- range $plan }}{{ $nodes = max $nodes (add1 .) }}{{ end -}}
  {{- if lt $nodes $best.nodes }}{{ $_ := set $best "nodes" $nodes }}{{ $_ := set $best "plan" $plan }}{{ end -}}
{{- end -}}
{{- toJson $best.plan -}}
{{- end -}}

{{/* The affinity of a job: dict "root" $, "node" the number of its node in the plan, "" without a plan. */}}
{{- define "batch.affinity" -}}
{{- $values := .root.Values -}}
{{- if $values.affinity -}}
{{- toYaml $values.affinity -}}
{{- else if eq (toString .node) "" -}}
podAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {jobs-group: {{ $values.jobsGroup | quote }}}
{{- else -}}
# Towards the jobs that the plan puts on the same node, and a little away from the others: only preferred, so that a job
# never waits for the plan. With equal weights, a node full of others would count more than one with few of the own.
podAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {jobs-group: {{ $values.jobsGroup | quote }}, jobs-node: {{ .node | quote }}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {jobs-group: {{ $values.jobsGroup | quote }}}
          matchExpressions: [{key: jobs-node, operator: NotIn, values: [{{ .node | quote }}]}]
{{- end -}}
{{- end -}}

{{/* An affinity that names another group places nothing together, without a word from Kubernetes. */}}
{{- define "batch.check" -}}
{{- $terms := list -}}
{{- range ((.Values.affinity).podAffinity).preferredDuringSchedulingIgnoredDuringExecution }}{{ $terms = append $terms .podAffinityTerm }}{{ end -}}
{{- range ((.Values.affinity).podAffinity).requiredDuringSchedulingIgnoredDuringExecution }}{{ $terms = append $terms . }}{{ end -}}
{{- range $terms -}}
  {{- $group := get (((.labelSelector).matchLabels) | default dict) "jobs-group" -}}
  {{- if and $group (ne $group $.Values.jobsGroup) -}}
    {{- fail (printf "affinity names the group %q, but jobsGroup is %q: leave affinity out, and the chart makes it" $group $.Values.jobsGroup) -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.affinity .Values.nodeSize -}}
  {{- fail "affinity and nodeSize exclude each other: with nodeSize the chart makes the affinity" -}}
{{- end -}}
{{- $names := dict -}}
{{- range .Values.jobs -}}
  {{- if hasKey $names .containerName -}}
    {{- fail (printf "two jobs have the containerName %q: it names the Job, so each needs its own" .containerName) -}}
  {{- end -}}
  {{- $_ := set $names .containerName true -}}
{{- end -}}
{{- end -}}
