package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

const oldestJava = 17

// Check looks for what a user has to install: Go, a JDK and Maven. The error
// has one sentence for each that is missing or too old.
func Check(ctx context.Context) error {
	return errors.Join(
		checkTool(ctx, "Go", "go", "version"),
		checkJava(ctx),
		checkTool(ctx, "Maven", "mvn", "--version"),
	)
}

// Java returns the program that runs the engines: JAVA_HOME's, else PATH's.
func Java() string { return jdkTool("java") }

func jdkTool(name string) string {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", name)
	}
	return name
}

func checkTool(ctx context.Context, title, program string, args ...string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is missing: install it so that `%s` is found in PATH", title, program)
	}
	if text, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not work: `%s %s`: %w: %s", title, program, args[0], err, text)
	}
	return nil
}

// javaVersion finds the version in lines like `javac 17.0.15` and `javac 1.8.0_402`.
var javaVersion = regexp.MustCompile(`javac (\d+)`)

// checkJava asks the compiler, not the runtime: a JRE is not enough.
func checkJava(ctx context.Context) error {
	program := jdkTool("javac")
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("a JDK is missing: install one of version %d or later so that `javac` is found in JAVA_HOME/bin or PATH", oldestJava)
	}
	text, err := exec.CommandContext(ctx, program, "-version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("the JDK does not work: `%s -version`: %w: %s", program, err, text)
	}
	return checkJavaVersion(string(text))
}

func checkJavaVersion(text string) error {
	match := javaVersion.FindStringSubmatch(text)
	if match == nil {
		return fmt.Errorf("the JDK's version is not to be understood: `javac -version` says %q", text)
	}
	if version, err := strconv.Atoi(match[1]); err != nil || version < oldestJava {
		return fmt.Errorf("the JDK is too old: `javac -version` says %s, and %d or later is needed", match[0], oldestJava)
	}
	return nil
}
