// Command camunda-process-starter starts process instances at a steady rate.
package main

import (
	"context"
	"io"

	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/app"
)

func main() { service.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, _ := app.NewCommand()
	return command.Execute(ctx, args, stdout, stderr)
}
