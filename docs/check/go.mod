module github.com/camunda-autoscaler/camunda-autoscaler/docs/check

go 1.26.0
