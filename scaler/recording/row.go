package recording

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// Header is the first row of a file that has what AppendRow writes.
const Header = "seen,trigger,time,value\n"

// ParseRow reads a row that AppendRow wrote.
func ParseRow(line string, triggers []string) (replay.Observation, error) {
	row, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil {
		return replay.Observation{}, err
	}
	if len(row) != 4 {
		return replay.Observation{}, fmt.Errorf("%d columns: want 4", len(row))
	}
	return columns{seen: 0, trigger: 1, time: 2, value: 3, replicas: -1}.observation(row, triggers)
}

// AppendRow appends an observation as a row. The triggers are those of the
// target, in their order.
func AppendRow(line []byte, o replay.Observation, triggers []string) []byte {
	line = appendTime(line, o.Seen)
	line = append(line, ',')
	if name := trackName(o.Track, triggers); strings.ContainsAny(name, ",\"\r\n#") {
		line = append(line, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`...)
	} else {
		line = append(line, name...)
	}
	line = append(line, ',')
	if o.At != 0 {
		line = appendTime(line, o.At)
	}
	line = append(line, ',')
	switch o.Kind {
	case replay.Value:
		line = strconv.AppendFloat(line, o.Value, 'g', -1, 64)
	case replay.Many:
		line = append(line, wordMany...)
	case replay.Nothing:
		line = append(line, wordNothing...)
	default:
		line = append(line, wordUnusable...)
	}
	return append(line, '\n')
}

func appendTime(line []byte, nanoseconds int64) []byte {
	ms := nanoseconds / 1e6
	line = strconv.AppendInt(line, ms/1000, 10)
	if ms %= 1000; ms != 0 {
		line = append(line, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	return line
}
