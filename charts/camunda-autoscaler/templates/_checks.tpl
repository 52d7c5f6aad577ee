{{/* The Prometheus servers as {path in the values: options}: that of scaler.config, and those of targets. */}}
{{- define "camunda-autoscaler.servers" -}}
{{- $servers := dict -}}
{{- $prometheus := default dict .Values.scaler.config.prometheus -}}
{{- if $prometheus.url -}}{{- $_ := set $servers "scaler.config.prometheus" $prometheus -}}{{- end -}}
{{- range include "camunda-autoscaler.scaler.targets" . | fromYamlArray -}}
{{- if .prometheus -}}{{- $_ := set $servers (printf "prometheus of target %s" .name) .prometheus -}}{{- end -}}
{{- end -}}
{{- toYaml $servers -}}
{{- end }}

{{/* The ports of the Pods that a component queries, as a list: a NetworkPolicy sees connections after the Service's port was
translated. */}}
{{- define "camunda-autoscaler.upstreamPorts" -}}
{{- $key := eq .component "exporter" | ternary "engine" "prometheus" -}}
{{- $ports := (index .root.Values.networkPolicy $key).ports -}}
{{- if not $ports -}}
{{- $urls := dict "exporter.camunda.url" .root.Values.exporter.camunda.url -}}
{{- if eq $key "prometheus" -}}
{{- $urls = dict -}}
{{- range $path, $server := include "camunda-autoscaler.servers" .root | fromYaml -}}{{- $_ := set $urls (printf "%s.url" $path) $server.url -}}{{- end -}}
{{- if not $urls -}}{{- $urls = dict "the configuration" "" -}}{{- end -}}
{{- end -}}
{{- range $path, $address := $urls -}}
{{- $url := urlParse (default "" $address) -}}
{{- $port := default (eq $url.scheme "https" | ternary "443" "") (regexFind ":[0-9]+$" $url.host | trimPrefix ":") -}}
{{- if not $port -}}
{{- fail (printf "networkPolicy.%s.ports is empty and %s has no port: a NetworkPolicy needs the port of the Pods behind the Service, e.g. networkPolicy.%s.ports={%d}" $key $path $key (eq $key "engine" | ternary 8080 9090)) -}}
{{- end -}}
{{- $ports = append $ports (int $port) -}}
{{- end -}}
{{- end -}}
{{- uniq $ports | toYaml -}}
{{- end }}

{{/* A ConfigMap is no place for credentials: takes "client" (an http_config), "url", "params", and how the values call
them; "file" is where the whole file may be. */}}
{{- define "camunda-autoscaler.refuseSecrets" -}}
{{- $word := "(?i)^(access_?token|token|api_?key|apikey|auth|password|passwd|secret|client_secret)$" -}}
{{- $url := urlParse (default "" .url) -}}
{{- $params := default dict .params | keys -}}
{{- range splitList "&" $url.query -}}{{- $params = append $params (splitList "=" . | first) -}}{{- end -}}
{{- range $params -}}
{{- if regexMatch $word . -}}
{{- fail (printf "%s holds a secret in clear text, the query parameter %s: put it into a Secret, name that in %s, and send it as a header from its file (%s.http_headers: {NAME: {files: [PATH]}})" $.path . $.secret $.key) -}}
{{- end -}}
{{- end -}}
{{- if contains ":" $url.userinfo -}}
{{- fail (printf "%s.url holds a password in clear text: put it into a Secret, name that in %s, and refer to its file (%s.basic_auth.password_file)" .path .secret .key) -}}
{{- end -}}
{{- $found := list -}}
{{- $client := default dict .client -}}
{{- range $key := list "basic_auth.password" "bearer_token" "authorization.credentials" "tls_config.key" "oauth2.client_secret" "oauth2.client_certificate_key" "oauth2.tls_config.key" -}}
{{- $value := $client -}}
{{- range splitList "." $key -}}{{- $value = get (kindIs "map" $value | ternary $value dict) . -}}{{- end -}}
{{- if $value -}}{{- $found = append $found $key -}}{{- end -}}
{{- end -}}
{{- range $header, $content := default dict $client.http_headers -}}
{{- if (default dict $content).secrets -}}{{- $found = append $found (printf "http_headers.%s.secrets" $header) -}}{{- end -}}
{{- end -}}
{{- /* Options that cannot name a file. */}}
{{- $inline := list -}}
{{- $oauth := default dict $client.oauth2 -}}
{{- range $path, $value := dict "proxy_url" $client.proxy_url "oauth2.proxy_url" $oauth.proxy_url "oauth2.token_url" $oauth.token_url -}}
{{- if contains ":" (urlParse (default "" $value)).userinfo -}}{{- $inline = append $inline $path -}}{{- end -}}
{{- end -}}
{{- range $path, $value := dict "proxy_connect_header" $client.proxy_connect_header "oauth2.proxy_connect_header" $oauth.proxy_connect_header -}}
{{- if $value -}}{{- $inline = append $inline $path -}}{{- end -}}
{{- end -}}
{{- range $name, $value := default dict $oauth.endpoint_params -}}
{{- if regexMatch $word $name -}}{{- $inline = append $inline (printf "oauth2.endpoint_params.%s" $name) -}}{{- end -}}
{{- end -}}
{{- with $inline -}}
{{- fail (printf "%s.%s holds a secret in clear text, %s, which cannot be in a file of its own: put the whole file into a Secret (%s), or, for a proxy, set proxy_from_environment and take HTTPS_PROXY from a Secret in extraEnv" $.path $.key (join " and " .) $.file) -}}
{{- end -}}
{{- with $found -}}
{{- fail (printf "%s.%s holds a secret in clear text, %s: put it into a Secret, name that in %s, and refer to its file (password_file, credentials_file, client_secret_file, key_file, files)" $.path $.key (join " and " .) $.secret) -}}
{{- end -}}
{{- end }}
