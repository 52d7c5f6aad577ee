package config

import (
	"strconv"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
)

// compileCalendar makes a target's calendar, nil if it has none.
func compileCalendar(windows []fileWindow, at section) calendar.Calendar {
	if windows != nil && len(windows) == 0 {
		at.fault("calendar", "no entries: want one or more, or leave the key out")
	}
	var c calendar.Calendar
	lines := map[string]int{}
	for i, fw := range windows {
		in := at.under("calendar", strconv.Itoa(i))
		location, err := calendar.LoadLocation(fw.Location)
		if err != nil {
			in.fault("location", "%v", err)
		}
		switch first, ok := lines[fw.Name]; {
		case strings.TrimSpace(fw.Name) == "":
			in.fault("name", "no name: want one, for the log")
		case ok:
			in.fault("name", "the name %q is already used by the entry on line %d: want another name", fw.Name, first)
		}
		lines[fw.Name] = in.doc.line(in.path...)
		if len(fw.Times) == 0 {
			in.fault("times", "no times: want one or more, for example - weekdays: ['monday:friday']")
		}
		c = append(c, calendar.Window{Name: fw.Name, Location: location, Times: fw.Times, Min: fw.MinReplicas, Max: fw.MaxReplicas})
	}
	return c
}
