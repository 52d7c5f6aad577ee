module github.com/camunda-autoscaler/camunda-autoscaler/e2e

go 1.26.0

require (
	github.com/camunda-autoscaler/camunda-autoscaler/charts v0.0.0
	github.com/camunda-autoscaler/camunda-autoscaler/testbed v0.0.0
	github.com/google/go-containerregistry v0.22.1
	github.com/prometheus/common v0.72.0
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/ulikunitz/xz v0.5.17 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/camunda-autoscaler/camunda-autoscaler/charts => ../charts

replace github.com/camunda-autoscaler/camunda-autoscaler/testbed => ../testbed
