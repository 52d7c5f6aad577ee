module github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka

go 1.26.0

require (
	github.com/alecthomas/kingpin/v2 v2.4.0
	github.com/camunda-autoscaler/camunda-autoscaler/testbed v0.0.0
	github.com/twmb/franz-go v1.22.2
	github.com/twmb/franz-go/pkg/kadm v1.19.0
)

require (
	github.com/alecthomas/units v0.0.0-20211218093645-b94a6e3cc137 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
	github.com/xhit/go-str2duration/v2 v2.1.0 // indirect
)

require (
	github.com/ulikunitz/xz v0.5.17 // indirect
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/sync v0.24.0
)

replace github.com/camunda-autoscaler/camunda-autoscaler/testbed => ../../testbed
