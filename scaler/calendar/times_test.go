package calendar

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	officeHours = "[{weekdays: ['monday:friday'], times: [{start_time: '08:00', end_time: '18:00'}]}]"
	weekend     = "[{weekdays: [saturday, sunday]}]"
	night       = "[{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]}]"
	twoToThree  = "[{times: [{start_time: '02:00', end_time: '03:00'}]}]"
)

// read reads a document that is a list of intervals.
func read(text string) (Times, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode {
		return nil, errors.New("an empty document")
	}
	return ParseTimes(document.Content[0])
}

func parse(t testing.TB, text string) Times {
	t.Helper()
	times, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

// Everything that alertmanager's documentation shows is read, and what is
// written for it reads as the same.
func TestRoundTrip(t *testing.T) {
	for text, want := range map[string]string{
		officeHours: "- times:\n    - start_time: \"08:00\"\n      end_time: \"18:00\"\n  weekdays: ['monday:friday']\n",
		weekend:     "- weekdays: [saturday, sunday]\n",
		night:       "- times:\n    - start_time: \"22:00\"\n      end_time: \"24:00\"\n    - start_time: \"00:00\"\n      end_time: \"06:00\"\n",
		"[{times: [{start_time: 08:00, end_time: 17:00}]}]":                         "- times:\n    - start_time: \"08:00\"\n      end_time: \"17:00\"\n",
		"[{weekdays: ['Monday:FRIDAY']}]":                                           "- weekdays: ['monday:friday']\n",
		"[{days_of_month: [1, '2:5', -3:-1]}]":                                      "- days_of_month: [\"1\", '2:5', '-3:-1']\n",
		"[{months: [may, 6, '7:august']}]":                                          "- months: [\"5\", \"6\", '7:8']\n",
		"[{years: [2026, '2027:2030']}]":                                            "- years: [\"2026\", '2027:2030']\n",
		"[{months: [1], years: [2026]}, {weekdays: [friday], days_of_month: [13]}]": "- months: [\"1\"]\n  years: [\"2026\"]\n- weekdays: [friday]\n  days_of_month: [\"13\"]\n",
		"- &free {weekdays: [&day sunday]}\n- weekdays: [*day]\n- *free":            "- weekdays: [sunday]\n- weekdays: [sunday]\n- weekdays: [sunday]\n",
	} {
		times := parse(t, text)
		written, err := yaml.Marshal(times)
		if err != nil {
			t.Fatal(err)
		}
		if normal := normalize(string(written)); normal != normalize(want) {
			t.Errorf("%s: written as\n%swant\n%s", text, written, want)
		}
		if again := parse(t, string(written)); !reflect.DeepEqual(again, times) {
			t.Errorf("%s: read again as %+v, want %+v", text, again, times)
		}
	}
}

// normalize leaves the choice of quotes to the library.
func normalize(text string) string { return strings.NewReplacer(`"`, "", `'`, "").Replace(text) }

// Times can stand in a struct, and the error is found in what YAML returns.
func TestTimesInAStruct(t *testing.T) {
	type entry struct {
		Times Times `yaml:"times"`
	}
	var e entry
	if err := yaml.Unmarshal([]byte("times: "+weekend), &e); err != nil || !reflect.DeepEqual(e.Times, parse(t, weekend)) {
		t.Errorf("got %+v, %v", e, err)
	}
	written, err := yaml.Marshal(e)
	var again entry
	if err != nil || yaml.Unmarshal(written, &again) != nil || !reflect.DeepEqual(again, e) {
		t.Errorf("written as %s, %v", written, err)
	}
	err = yaml.Unmarshal([]byte("\ntimes:\n  - weekdys: [sunday]\n"), &e)
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Line != 3 || !slices.Equal(faults[0].Path, []string{"0", "weekdys"}) {
		t.Errorf("got %v", err)
	}
}

func TestFaults(t *testing.T) {
	const (
		list      = "want a list with at least one entry, or leave the key out"
		interval  = "want a mapping with at least one of: times, weekdays, days_of_month, months, years"
		span      = "want a mapping with at least one of: start_time, end_time"
		unknown   = "unknown key, want one of: times, weekdays, days_of_month, months, years"
		elsewhere = "the calendar's entry has one location for all its times: set it there, and leave this one out"
	)
	for text, want := range map[string]string{
		"[]":                   "line 1: want a list with at least one entry: a window without times is never active",
		"monday":               "line 1: want a list with at least one entry: a window without times is never active",
		"~":                    "line 1: want a list with at least one entry: a window without times is never active",
		"{weekdays: [monday]}": "line 1: want a list with at least one entry: a window without times is never active",
		"[~]":                  "line 1: 0: " + interval,
		"[{}]":                 "line 1: 0: " + interval,
		"[monday]":             "line 1: 0: " + interval,
		"- weekdays":           "line 1: 0: " + interval,

		"\n- weekdys: [monday]":                           "line 2: 0: weekdys: " + unknown,
		"- ? [a]\n  : 1":                                  "line 1: 0: : " + unknown,
		"- &times weekdays: [monday]\n- *times : 1":       "line 2: 1: weekdays: " + list,
		"- {weekdays: [monday], weekdays: [friday]}":      "line 1: 0: weekdays: the key is repeated: want it once",
		"- <<: {weekdays: [monday]}":                      "line 1: 0: <<: " + unknown,
		"- weekdays: [monday]\n  location: Europe/Berlin": "line 2: 0: location: " + elsewhere,

		"[{weekdays: []}]":                     "line 1: 0: weekdays: " + list,
		"[{weekdays: monday}]":                 "line 1: 0: weekdays: " + list,
		"[{weekdays: }]":                       "line 1: 0: weekdays: " + list,
		"[{weekdays: [~]}]":                    `line 1: 0: weekdays: 0: "~": ` + wantWeekday,
		"[{weekdays: [[monday]]}]":             `line 1: 0: weekdays: 0: "": ` + wantWeekday,
		"[{weekdays: [montag]}]":               `line 1: 0: weekdays: 0: "montag": ` + wantWeekday,
		"[{weekdays: [1]}]":                    `line 1: 0: weekdays: 0: "1": ` + wantWeekday,
		"[{weekdays: ['saturday:sunday']}]":    `line 1: 0: weekdays: 0: "saturday:sunday": ` + wantWeekday,
		"- weekdays:\n  - monday\n  - 'a:b:c'": `line 3: 0: weekdays: 1: "a:b:c": ` + wantWeekday,

		"[{times: []}]":                    "line 1: 0: times: " + list,
		"[{times: {start_time: '08:00'}}]": "line 1: 0: times: " + list,
		"[{times: ['08:00-18:00']}]":       "line 1: 0: times: 0: " + span,
		"[{times: [~]}]":                   "line 1: 0: times: 0: " + span,
		"[{times: [{start: '08:00'}]}]":    "line 1: 0: times: 0: start: unknown key, want one of: start_time, end_time",
		"[{times: [{start_time: '08:00', end_time: '18:00', location: UTC}]}]": "line 1: 0: times: 0: location: " + elsewhere,
		"[{times: [{start_time: '08:00'}]}]":                                   `line 1: 0: times: 0: "08:00" to "": ` + wantTime,
		"[{times: [{start_time: '9:00', end_time: '18:00'}]}]":                 `line 1: 0: times: 0: "9:00" to "18:00": ` + wantTime,
		"[{times: [{start_time: '22:00', end_time: '06:00'}]}]":                `line 1: 0: times: 0: "22:00" to "06:00": ` + wantTime,
		"[{times: [{start_time: '08:00', end_time: '08:00'}]}]":                `line 1: 0: times: 0: "08:00" to "08:00": ` + wantTime,
		"[{times: [{start_time: '08:00', end_time: '24:01'}]}]":                `line 1: 0: times: 0: "08:00" to "24:01": ` + wantTime,
		"[{times: [{start_time: ~, end_time: [1]}]}]":                          `line 1: 0: times: 0: "~" to "": ` + wantTime,

		"[{days_of_month: [0]}]":            `line 1: 0: days_of_month: 0: "0": ` + wantDay,
		"[{days_of_month: [32]}]":           `line 1: 0: days_of_month: 0: "32": ` + wantDay,
		"[{days_of_month: ['-1:1']}]":       `line 1: 0: days_of_month: 0: "-1:1": ` + wantDay,
		"[{days_of_month: ['5:1']}]":        `line 1: 0: days_of_month: 0: "5:1": ` + wantDay,
		"[{days_of_month: [~]}]":            `line 1: 0: days_of_month: 0: "~": ` + wantDay,
		"[{months: [0]}]":                   `line 1: 0: months: 0: "0": ` + wantMonth,
		"[{months: [13]}]":                  `line 1: 0: months: 0: "13": ` + wantMonth,
		"[{months: ['november:february']}]": `line 1: 0: months: 0: "november:february": ` + wantMonth,
		"[{months: [mai]}]":                 `line 1: 0: months: 0: "mai": ` + wantMonth,
		"[{years: [26]}]":                   `line 1: 0: years: 0: "26": ` + wantYear,
		"[{years: ['2027:2026']}]":          `line 1: 0: years: 0: "2027:2026": ` + wantYear,
		"[{years: ['2026:']}]":              `line 1: 0: years: 0: "2026:": ` + wantYear,

		"- weekdays: [montag]\n- {}\n- months: [13]": "line 1: 0: weekdays: 0: \"montag\": " + wantWeekday + "\nline 2: 1: " + interval + "\nline 3: 2: months: 0: \"13\": " + wantMonth,
	} {
		times, err := read(text)
		if times != nil || err == nil || err.Error() != want {
			t.Errorf("%s: got %v and\n%v\nwant\n%s", text, times, err, want)
		}
	}
}

// Whatever the text: no panic, and what is accepted can be written and read as
// the same.
func FuzzTimes(f *testing.F) {
	for _, text := range []string{
		officeHours, weekend, night, twoToThree,
		"[{days_of_month: ['-3:-1', 1], months: ['6:august'], years: ['2026:2027']}]",
		"- &a {weekdays: [sunday]}\n- *a", "&a [*a]", "- ? [a]\n  : 1", "- <<: {}", "[{location: UTC}]", "[~]", "[!!binary c3VuZGF5]",
		"- !!str x: y", "[{weekdays: [!!binary c3VuZGF5]}]", "[{times: &t [{start_time: '00:00', end_time: '24:00', ? *t : 1}]}]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		times, err := read(text)
		if err != nil {
			return
		}
		if len(times) == 0 {
			t.Fatalf("%q: no times and no error", text)
		}
		written, err := yaml.Marshal(times)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := read(string(written))
		if err != nil || !reflect.DeepEqual(again, times) {
			t.Fatalf("%q: %+v is written as %q and read as %+v, %v", text, times, written, again, err)
		}
	})
}
