package check

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// behaviour is what an alert does in a life that is no plain fault.
type behaviour struct {
	alert, name  string
	life         []phase
	quiet, fires []time.Duration
	labels       map[string]string // of the alert, if they are others than the fault's
	cluster      string
	other        identity // of a healthy world in the same Prometheus, if it has a namespace
}

// p is a phase.
func p(lasts time.Duration, fault string) phase { return phase{lasts: lasts, fault: fault} }

func repeat(n int, phases ...phase) []phase { return slices.Repeat(phases, n) }

func life(parts ...any) []phase {
	var all []phase
	for _, part := range parts {
		switch part := part.(type) {
		case phase:
			all = append(all, part)
		case []phase:
			all = append(all, part...)
		}
	}
	return all
}

const (
	hour    = time.Hour
	minute  = time.Minute
	noFault = ""

	noExporter = "exporter a up absent\nexporter a * absent"
	noScaler   = "scaler a up absent\nscaler a * absent\nscaler b up absent\nscaler b * absent"
	noSample   = "exporter a up 0\nexporter a * absent"
	oneIsDown  = "exporter b up 0\nscaler b up 0\nscaler b * absent"

	misdated  = "exporter a camunda_process_instances_misdated "
	incidents = `exporter a camunda_incidents{incident_type="failedJob"} `
)

var exporterBehaviours = []behaviour{
	{
		alert: "CamundaExporterDown", name: "disappeared", life: life(p(hour, noFault), p(8*hour, noExporter)),
		quiet: []time.Duration{hour}, fires: []time.Duration{hour + 6*minute, 6 * hour},
	},
	{
		alert: "CamundaExporterDown", name: "never there", life: life(p(8*hour, noExporter)),
		fires: []time.Duration{5 * minute, 7 * hour}, labels: map[string]string{"severity": "warning"},
	},
	{
		alert: "CamundaExporterDown", name: "disappeared in one cluster of two", life: life(p(hour, noFault), p(8*hour, noExporter)),
		cluster: "a", other: identity{cluster: "b", namespace: "n", exporter: "camunda-exporter", scaler: "camunda-scaler"},
		fires: []time.Duration{hour + 6*minute, 6 * hour},
	},
	{
		alert: "CamundaExporterDown", name: "relabelled", life: life(p(hour, noFault), p(8*hour, noExporter)),
		other: identity{namespace: "new", exporter: "camunda-exporter", scaler: "camunda-scaler"}, quiet: []time.Duration{hour + 6*minute, 6 * hour},
	},
	{
		alert: "CamundaExporterDown", name: "a restart", life: life(p(hour, noFault), p(2*minute, noSample), p(hour, noFault)),
		quiet: []time.Duration{hour + 3*minute, hour + 6*minute, hour + 9*minute},
	},
	{
		alert: "CamundaExporterDown", name: "comes and goes", life: life(p(hour, noFault), repeat(40, p(minute, noSample), p(scrapes, noFault))),
		fires: []time.Duration{hour + 20*minute, hour + 40*minute},
	},
	{alert: "CamundaExporterDown", name: "one of two Pods is down", life: life(p(hour, oneIsDown)), quiet: []time.Duration{30 * minute}},

	{
		alert: "CamundaEngineUnreachable", name: "one answer in between",
		life:  life(p(hour, noFault), repeat(9, p(3*minute+scrapes, "exporter a camunda_up 0"), p(scrapes, noFault))),
		quiet: []time.Duration{hour + 4*minute, hour + 8*minute, hour + 20*minute},
	},
	{
		alert: "CamundaEngineUnreachable", name: "one of two Pods of one exporter is cut off",
		life: life(p(hour, "exporter b up 1\nexporter b camunda_up 0")), quiet: []time.Duration{30 * minute},
	},

	{alert: "CamundaHistoryUnreadable", name: "not known", life: life(p(hour, "exporter a camunda_history_readable absent")), quiet: []time.Duration{30 * minute}},

	{
		alert: "CamundaClockSkew", name: "one node of three is behind",
		life:  life(p(hour, noFault), repeat(60, p(minute, noFault), p(scrapes, "exporter a camunda_clock_skew_seconds -30"))),
		fires: []time.Duration{hour + 17*minute, 2 * hour},
	},
	{
		alert: "CamundaClockSkew", name: "one odd answer",
		life:  life(p(hour, noFault), p(scrapes, "exporter a camunda_clock_skew_seconds 30"), p(hour, noFault)),
		quiet: []time.Duration{hour + 9*minute, hour + 15*minute, hour + 20*minute},
	},
	{
		alert: "CamundaTimeZonesDiffer", name: "nothing starts now and then", life: life(p(hour, noFault), repeat(6, p(5*minute, misdated+"12"), p(5*minute, misdated+"0"))),
		fires: []time.Duration{hour + 8*minute, hour + 28*minute},
	},
	{alert: "CamundaTimeZonesDiffer", name: "not known", life: life(p(hour, misdated+"absent")), quiet: []time.Duration{30 * minute}},

	{
		alert: "CamundaIncidentsRising", name: "repaired within ten minutes", life: life(p(hour, noFault), p(10*minute, incidents+"5"), p(hour, noFault)),
		quiet: []time.Duration{hour + 10*minute, hour + 20*minute, hour + 50*minute},
	},
	{alert: "CamundaIncidentsRising", name: "many, but no more than before", life: life(p(3*hour, incidents+"200")), quiet: []time.Duration{hour, 2 * hour}},
	{
		alert: "CamundaIncidentsRising", name: "fewer after a gap", life: life(p(hour, incidents+"9"), p(3*minute, noSample), p(hour, incidents+"4")),
		quiet: []time.Duration{hour + 10*minute, hour + 30*minute, hour + 50*minute},
	},
	{alert: "CamundaIncidentsRising", name: "just installed", life: life(p(hour, incidents+"7")), quiet: []time.Duration{10 * minute, 24 * minute, 50 * minute}},
	{
		alert: "CamundaIncidentsRising", name: "the exporter's Pod was replaced meanwhile",
		life:  life(p(hour, noFault), p(hour, noExporter+"\nexporter b up 1\nexporter b camunda_incidents{incident_type=\"failedJob\"} 5")),
		fires: []time.Duration{hour + 20*minute},
	},

	{
		alert: "CamundaJobsOutOfRetries", name: "the collector is off and incidents stand for it", life: life(p(hour, "exporter a camunda_jobs_out_of_retries absent")),
		quiet: []time.Duration{14 * minute}, fires: []time.Duration{20 * minute},
	},
	{
		alert: "CamundaJobsOutOfRetries", name: "incidents of another type",
		life:  life(p(hour, "exporter a camunda_jobs_out_of_retries absent\n"+incidents+"absent\nexporter a camunda_incidents{incident_type=\"failedExternalTask\"} 5")),
		quiet: []time.Duration{40 * minute},
	},

	{
		alert: "CamundaCollectorFailing", name: "works now and then",
		life:  life(repeat(12, p(4*minute+scrapes, `exporter a camunda_exporter_collector_success{collector="jobs"} 0`), p(scrapes, noFault))),
		quiet: []time.Duration{20 * minute, 40 * minute},
	},
	{
		alert: "CamundaCollectorFailing", name: "the engine is unreachable",
		life:  life(p(10*minute, noFault), p(hour, "exporter a camunda_up 0\n"+`exporter a camunda_exporter_collector_success{collector="jobs"} 0`)),
		quiet: []time.Duration{30 * minute, hour},
	},
}

func TestAlertBehaviours(t *testing.T) {
	known := map[string]fault{}
	for _, f := range faults {
		known[f.alert] = f
	}
	severities := severities(t)
	for _, b := range slices.Concat(exporterBehaviours, scalerBehaviours) {
		t.Run(b.alert+" "+b.name, func(t *testing.T) {
			t.Parallel()
			f, ok := known[b.alert]
			if !ok || len(b.quiet)+len(b.fires) == 0 {
				t.Fatal("no such alert, or nothing is expected")
			}
			id := here
			id.cluster = b.cluster
			labels := f.expected(id, severities[b.alert])
			if b.labels["severity"] != "" {
				labels = b.labels // and no others
			} else {
				maps.Copy(labels, b.labels)
			}
			var expectations []expectation
			for _, at := range b.quiet {
				expectations = append(expectations, expectation{at: at, alert: b.alert})
			}
			for _, at := range b.fires {
				expectations = append(expectations, expectation{at, b.alert, []map[string]string{labels}})
			}
			all := world(id, b.life...)
			if b.other.namespace != "" {
				all = append(all, world(b.other, p(9*hour, noFault))...)
			}
			promtest(t, onlyRules(t, read(t, "alerts/camunda-autoscaler.yml"), b.alert), scene{b.name, all, expectations})
		})
	}
}
