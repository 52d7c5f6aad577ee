module github.com/camunda-autoscaler/camunda-autoscaler/charts

go 1.26.0

require (
	github.com/camunda-autoscaler/camunda-autoscaler/testbed v0.0.0
	go.yaml.in/yaml/v3 v3.0.6
)

require (
	github.com/ulikunitz/xz v0.5.17 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

replace github.com/camunda-autoscaler/camunda-autoscaler/testbed => ../testbed
