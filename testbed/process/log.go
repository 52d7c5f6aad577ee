package process

import (
	"io"
	"os"
	"slices"
	"strings"
)

const (
	errorLines  = 15
	recentBytes = 64 << 10
)

// RecentLog returns the end of what this process has written to its log, up to
// 64 KiB.
func (p *Process) RecentLog() string { return recentLog(p.spec.Log, p.logFrom) }

// recentLog reads the end of a log, but nothing before an offset.
func recentLog(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		from = max(from, info.Size()-recentBytes)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, from, recentBytes))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// lastLines is what an error quotes of a log: its end without the frames of
// Java's stack traces, which would leave no room for the messages.
func lastLines(text string) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimRight(text, "\n"), "\n"), isFrame)
	return strings.Join(lines[max(0, len(lines)-errorLines):], "\n")
}

func isFrame(line string) bool {
	text := strings.TrimLeft(line, "\t")
	return text != line && (strings.HasPrefix(text, "at ") || strings.HasPrefix(text, "... "))
}
