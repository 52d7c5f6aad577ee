module github.com/camunda-autoscaler/camunda-autoscaler/docker/notices

go 1.26.0
