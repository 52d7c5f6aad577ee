// Command camunda-exporter exports how many process instances a Camunda 7
// engine started.
package main

import (
	"context"
	"io"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

func main() { service.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, _ := app.NewCommand()
	return command.Execute(ctx, args, stdout, stderr)
}
