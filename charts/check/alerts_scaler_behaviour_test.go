package check

import (
	"fmt"
	"time"
)

const (
	every15m = `scaler a camunda_scaler_interval_seconds 900
		scaler b camunda_scaler_interval_seconds 900
		scaler a camunda_scaler_sample_interval_seconds{target="t"} 15
	`
	sparse = `scaler a camunda_scaler_sample_interval_seconds{target="t"} 300
	`
	decidedAt = `scaler a camunda_scaler_last_decision_timestamp_seconds{target="t",action="none",reason="within_bounds"} `

	takenOver = `scaler a up absent
		scaler a * absent
		scaler b camunda_scaler_leader 1
		scaler b camunda_scaler_last_decision_timestamp_seconds{target="t",action="none",reason="within_bounds"} now
		scaler b camunda_scaler_sample_interval_seconds{target="t"} 10
		scaler b camunda_scaler_replicas{target="t"} 2
		scaler b camunda_scaler_min_replicas{target="t"} 1
		scaler b camunda_scaler_max_replicas{target="t"} 4
	`
	takenOut = `scaler a camunda_scaler_target_info{INFO} absent
		scaler b camunda_scaler_target_info{INFO} absent
		scaler a camunda_scaler_sample_interval_seconds{target="t"} absent
		scaler a camunda_scaler_last_decision_timestamp_seconds{target="t",action="none",reason="within_bounds"} absent
		scaler a camunda_scaler_replicas{target="t"} absent
		scaler a camunda_scaler_min_replicas{target="t"} absent
		scaler a camunda_scaler_max_replicas{target="t"} absent
	`
	// A member of a group whose interval is 15 minutes.
	member = `scaler a camunda_scaler_target_info{INFO} absent
		scaler b camunda_scaler_target_info{INFO} absent
		scaler a camunda_scaler_target_info{target="t",group="all",workload_namespace="bpm",workload_kind="Deployment",workload_name="camunda",dry_run="false"} 1
		scaler a camunda_scaler_interval_seconds 900
		scaler b camunda_scaler_interval_seconds 900
		scaler a camunda_scaler_sample_interval_seconds{target="t"} 15
	`
	disagree = `scaler b camunda_scaler_target_info{INFO} absent
		scaler b camunda_scaler_target_info{target="t",group="t",workload_namespace="bpm",workload_kind="Deployment",workload_name="before",dry_run="false"} 1
	`
	paused     = `scaler a camunda_scaler_paused{target="t"} 1` + "\n"
	pausedDown = `scaler a camunda_scaler_paused{target="t"} 0.5` + "\n"
	off        = `scaler a camunda_scaler_replicas{target="t"} 0` + "\n"
	toZero     = `scaler a camunda_scaler_min_replicas{target="t"} 0` + "\n" // a rule may go there
)

// mergedGroup are the series of a group whose members are one target: they have many
// reasons at a time.
func mergedGroup(members map[string]int) string {
	series := decidedAt + "absent\nscaler a camunda_scaler_last_decision_timestamp_seconds{target=\"t\"} now\n"
	for reason, n := range members {
		series += fmt.Sprintf("scaler a camunda_scaler_group_members{target=\"t\",action=\"none\",reason=%q} %d\n", reason, n)
	}
	return series
}

func holds(reason string) string {
	return decides("none", reason) + `scaler a camunda_scaler_holding{target="t",reason="` + reason + `"} 1` + "\n"
}

func fails(operation, cause, each string) string {
	return `scaler a camunda_scaler_errors_total{target="t",operation="` + operation + `",cause="` + cause + `"} ` + each + "\n"
}

func steps(up, down string) string {
	return `scaler a camunda_scaler_steps_total{target="t",action="up",reason="load_high"} ` + up + `
		scaler a camunda_scaler_steps_total{target="t",action="down",reason="load_low"} ` + down + "\n"
}

var scalerBehaviours = []behaviour{
	{
		alert: "CamundaScalerDown", name: "disappeared", life: life(p(hour, noFault), p(8*hour, noScaler)),
		quiet: []time.Duration{hour}, fires: []time.Duration{hour + 4*minute, 6 * hour},
	},
	{
		alert: "CamundaScalerDown", name: "never there", life: life(p(8*hour, noScaler)),
		fires: []time.Duration{5 * minute, 7 * hour}, labels: map[string]string{"severity": "critical"},
	},
	{
		alert: "CamundaScalerDown", name: "disappeared in one cluster of two", life: life(p(hour, noFault), p(8*hour, noScaler)),
		cluster: "a", other: identity{cluster: "b", namespace: "n", exporter: "camunda-exporter", scaler: "camunda-scaler"},
		fires: []time.Duration{hour + 4*minute, 6 * hour},
	},
	{
		alert: "CamundaScalerDown", name: "relabelled", life: life(p(hour, noFault), p(8*hour, noScaler)),
		other: identity{namespace: "new", exporter: "camunda-exporter", scaler: "camunda-scaler"}, quiet: []time.Duration{hour + 4*minute, 6 * hour},
	},
	{alert: "CamundaScalerDown", name: "one of two Pods is down", life: life(p(hour, oneIsDown)), quiet: []time.Duration{30 * minute}},

	{alert: "CamundaScalerNoLeader", name: "the standby takes over", life: life(p(hour, noFault), p(hour, takenOver)), quiet: []time.Duration{hour + 4*minute, hour + 30*minute}},
	{
		alert: "CamundaScalerNoLeader", name: "the leader disappeared and the standby stays one", life: life(p(hour, noFault), p(hour, "scaler a up absent\nscaler a * absent")),
		quiet: []time.Duration{hour + 3*minute}, fires: []time.Duration{hour + 6*minute},
	},
	{
		alert: "CamundaScalerSeveralLeaders", name: "a hand-over", life: life(p(hour, noFault), p(scrapes, "scaler b camunda_scaler_leader 1"), p(hour, takenOver)),
		quiet: []time.Duration{hour + minute, hour + 4*minute},
	},
	{
		alert: "CamundaScalerWorkloadShared", name: "another cluster has a workload of the same name", life: life(p(hour, noFault)),
		cluster: "a", other: identity{cluster: "b", namespace: "n", exporter: "camunda-exporter", scaler: "camunda-scaler", workload: "camunda"}, quiet: []time.Duration{30 * minute},
	},
	{
		alert: "CamundaScalerWorkloadShared", name: "the other one is a dry run", life: life(p(hour, `scaler b camunda_scaler_target_info{job="trial",target="t",group="t",workload_namespace="bpm",workload_kind="Deployment",workload_name="camunda",dry_run="true"} 1`)),
		quiet: []time.Duration{30 * minute},
	},
	{
		alert: "CamundaScalerReloadFailed", name: "the file was fixed",
		life:  life(p(hour, noFault), p(4*minute, "scaler a camunda_scaler_config_last_reload_successful 0"), p(hour, noFault)),
		quiet: []time.Duration{hour + 5*minute, hour + 8*minute},
	},

	{
		alert: "CamundaScalerNotDeciding", name: "decides every 15 minutes",
		life:  life(repeat(8, p(scrapes, every15m+decidedAt+"now"), p(14*minute+scrapes, every15m+decidedAt+"frozen"))),
		quiet: []time.Duration{14 * minute, 29 * minute, 74 * minute, 89 * minute},
	},
	{
		alert: "CamundaScalerNotDeciding", name: "is stuck at an interval of 15 minutes", life: life(p(hour, every15m+decidedAt+"now"), p(3*hour, every15m+decidedAt+"frozen")),
		quiet: []time.Duration{hour + 45*minute}, fires: []time.Duration{hour + 51*minute, 3 * hour},
	},
	{
		alert: "CamundaScalerNotDeciding", name: "a member of a group decides every 15 minutes",
		life:  life(repeat(8, p(scrapes, member+decidedAt+"now"), p(14*minute+scrapes, member+decidedAt+"frozen"))),
		quiet: []time.Duration{14 * minute, 29 * minute, 74 * minute, 89 * minute},
	},
	{
		alert: "CamundaScalerNotDeciding", name: "a member of a group is stuck", life: life(p(hour, member+decidedAt+"now"), p(3*hour, member+decidedAt+"frozen")),
		quiet: []time.Duration{hour + 45*minute}, fires: []time.Duration{hour + 51*minute, 3 * hour},
	},
	{
		alert: "CamundaScalerNotDeciding", name: "samples are five minutes apart and one is lost",
		life:  life(repeat(6, p(scrapes, sparse+decidedAt+"now"), p(9*minute+scrapes, sparse+decidedAt+"frozen"))),
		quiet: []time.Duration{9 * minute, 19 * minute, 29 * minute, 49 * minute},
	},
	{
		alert: "CamundaScalerNotDeciding", name: "is stuck before its first decision",
		life:  life(p(hour, decidedAt+"absent\n"+`scaler a camunda_scaler_last_decision_timestamp_seconds{target="t"} frozen`)),
		fires: []time.Duration{15 * minute},
	},
	{
		alert: "CamundaScalerNotDeciding", name: "one workload of a merged group is stuck",
		life:  life(p(hour, mergedGroup(nil)), p(hour, mergedGroup(map[string]int{"load_high": 999, "within_bounds": 1})+`scaler a camunda_scaler_last_decision_timestamp_seconds{target="t"} frozen`)),
		quiet: []time.Duration{hour}, fires: []time.Duration{hour + 15*minute},
	},
	{alert: "CamundaScalerNotDeciding", name: "another Pod takes over", life: life(p(hour, noFault), p(hour, takenOver)), quiet: []time.Duration{hour + 6*minute, hour + 30*minute}},
	{
		alert: "CamundaScalerNotDeciding", name: "the target was taken out", life: life(p(hour, noFault), p(hour, takenOut)),
		quiet: []time.Duration{hour + 5*minute, hour + 10*minute, hour + 15*minute},
	},

	{
		alert: "CamundaScalerNoFreshSample", name: "one cause after another", life: life(p(hour, noFault), repeat(20, p(minute, holds("stale")), p(minute, holds("query_failed")))),
		fires: []time.Duration{hour + 10*minute, hour + 30*minute},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "goes up to the fallback", life: life(p(hour, noFault), repeat(20, p(scrapes, decides("up", "fallback")), p(minute, holds("no_data")))),
		fires: []time.Duration{hour + 10*minute, hour + 20*minute},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "an interval of 15 minutes", life: life(p(hour, every15m), p(hour, every15m+holds("no_data"))),
		fires: []time.Duration{hour + 6*minute, hour + 50*minute},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "two Pods have different configurations", life: life(p(hour, disagree), p(hour, disagree+holds("no_data"))),
		fires: []time.Duration{hour + 6*minute, hour + 50*minute},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "two thirds of a merged group", life: life(p(hour, mergedGroup(map[string]int{"no_data": 670, "within_bounds": 330}))),
		quiet: []time.Duration{30 * minute},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "nearly all of a merged group", life: life(p(hour, mergedGroup(map[string]int{"no_data": 480, "stale": 470, "within_bounds": 50}))),
		fires: []time.Duration{30 * minute},
	},
	{alert: "CamundaScalerNoFreshSample", name: "every second sample is missing", life: life(repeat(60, p(scrapes, noFault), p(scrapes, holds("no_data")))), quiet: []time.Duration{30 * minute, 50 * minute}},
	{
		alert: "CamundaScalerNoFreshSample", name: "a restart of Prometheus", life: life(p(hour, noFault), p(3*minute, holds("query_failed")), p(hour, noFault)),
		quiet: []time.Duration{hour + 3*minute, hour + 5*minute, hour + 7*minute},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "a start that waits for its first sample", life: life(p(2*minute, noScaler), p(2*minute, holds("no_data")), p(hour, noFault)),
		quiet: []time.Duration{4 * minute, 5 * minute, 8 * minute},
	},
	{alert: "CamundaScalerNoFreshSample", name: "paused", life: life(p(hour, paused+holds("no_data"))), quiet: []time.Duration{30 * minute}},
	{alert: "CamundaScalerNoFreshSample", name: "switched off with all that depends on it", life: life(p(hour, noFault), p(hour, off+holds("no_data"))), quiet: []time.Duration{hour + 30*minute}},
	{
		alert: "CamundaScalerNoFreshSample", name: "at 0 by a rule, from where only a sample leads up", life: life(p(hour, toZero+off+decides("none", "load_low_at_min")), p(hour, toZero+off+holds("no_data"))),
		quiet: []time.Duration{30 * minute, hour}, fires: []time.Duration{hour + 6*minute, hour + 50*minute},
	},
	{alert: "CamundaScalerNoFreshSample", name: "does not know which Pods work", life: life(p(hour, holds("busy_unknown"))), quiet: []time.Duration{30 * minute}},
	{alert: "CamundaScalerNoFreshSample", name: "waits for a delay", life: life(p(hour, decides("none", "scale_down_coverage"))), quiet: []time.Duration{30 * minute}},

	{
		alert: "CamundaScalerSampleGaps", name: "85 % of the time", life: life(p(hour, noFault), repeat(30, p(scrapes, noFault), p(3*minute, holds("stale")))),
		fires: []time.Duration{hour + 40*minute, 2*hour + 20*minute},
	},
	{alert: "CamundaScalerSampleGaps", name: "10 % of the time", life: life(repeat(30, p(4*minute+scrapes, noFault), p(scrapes, holds("no_data")))), quiet: []time.Duration{hour, 2 * hour}},
	{
		alert: "CamundaScalerSampleGaps", name: "a rolling update of the exporter", life: life(p(hour, noFault), p(5*minute, holds("no_data")), p(hour, noFault)),
		quiet: []time.Duration{hour + 10*minute, hour + 30*minute, hour + 40*minute},
	},
	{
		alert: "CamundaScalerSampleGaps", name: "a start that takes three minutes", life: life(p(2*minute, noScaler), p(3*minute, holds("no_data")), p(hour, noFault)),
		quiet: []time.Duration{10 * minute, 18 * minute, 30 * minute},
	},
	{
		alert: "CamundaScalerSampleGaps", name: "at 0 by a rule",
		life:  life(p(hour, toZero+off+decides("none", "load_low_at_min")), repeat(40, p(minute, toZero+off+decides("none", "load_low_at_min")), p(minute, toZero+off+holds("stale")))),
		quiet: []time.Duration{hour}, fires: []time.Duration{hour + 50*minute, 2 * hour},
	},
	{
		alert: "CamundaScalerNoFreshSample", name: "the pause ended", life: life(p(hour, paused+holds("no_data")), p(hour, holds("no_data"))),
		quiet: []time.Duration{hour + 5*minute}, fires: []time.Duration{hour + 10*minute},
	},
	{alert: "CamundaScalerNoFreshSample", name: "one direction paused", life: life(p(hour, pausedDown+holds("no_data"))), fires: []time.Duration{30 * minute}},
	{alert: "CamundaScalerPaused", name: "one direction", life: life(p(hour, noFault), p(10*hour, pausedDown)), fires: []time.Duration{10 * hour}},
	{alert: "CamundaScalerSampleGaps", name: "paused", life: life(p(hour, paused+holds("no_data"))), quiet: []time.Duration{50 * minute}},

	{
		alert: "CamundaScalerStepOverdue", name: "stale samples restart the delay again and again",
		life:  life(p(hour, noFault), repeat(90, p(minute+scrapes, holds("stale")), p(scrapes, decides("none", "scale_up_delay")))),
		fires: []time.Duration{2*hour + 15*minute, 3*hour + 30*minute},
	},
	{
		alert: "CamundaScalerStepOverdue", name: "a long way down, a step every nine minutes",
		life: life(p(hour, noFault), repeat(20, p(8*minute+scrapes, decides("none", "scale_down_delay")),
			p(scrapes, decides("none", "scale_down_delay")+steps("+0", "+1")))),
		quiet: []time.Duration{2*hour + 15*minute, 3 * hour, 3*hour + 30*minute},
	},
	{
		alert: "CamundaScalerStepOverdue", name: "holds for ten minutes after a start", life: life(p(2*minute, noScaler), p(10*minute, decides("none", "hold_after_start")), p(2*hour, noFault)),
		quiet: []time.Duration{10 * minute, 30 * minute, 70 * minute, 90 * minute},
	},
	{
		alert: "CamundaScalerStepOverdue", name: "stale samples restart the delay before the last replica goes",
		life:  life(p(hour, noFault), repeat(90, p(minute+scrapes, toZero+holds("stale")), p(scrapes, toZero+decides("none", "scale_to_zero_delay")))),
		fires: []time.Duration{2*hour + 15*minute, 3*hour + 30*minute},
	},
	{
		alert: "CamundaScalerStepOverdue", name: "waits for idle Pods for hours", life: life(p(hour, noFault), p(3*hour, decides("none", "wait_for_idle"))),
		quiet: []time.Duration{2 * hour}, fires: []time.Duration{2*hour + 15*minute, 4 * hour},
	},
	{
		alert: "CamundaScalerStepOverdue", name: "a long way down that waits for idle Pods each time",
		life: life(p(hour, noFault), repeat(20, p(5*minute, decides("none", "wait_for_idle")),
			p(scrapes, decides("none", "wait_for_idle")+steps("+0", "+1")))),
		quiet: []time.Duration{2*hour + 15*minute, 2*hour + 45*minute},
	},
	{
		alert: "CamundaScalerStepOverdue", name: "the first step, with which the series appears",
		life: life(p(hour, steps("absent", "absent")), p(55*minute, decides("none", "scale_down_delay")+steps("absent", "absent")),
			p(hour, decides("none", "scale_down_delay")+steps("absent", "1"))),
		quiet: []time.Duration{hour + 75*minute, hour + 100*minute},
	},
	{alert: "CamundaScalerStepOverdue", name: "no sample at all, which has an alert of its own", life: life(p(4*hour, holds("no_data"))), quiet: []time.Duration{3 * hour}},

	{
		alert: "CamundaScalerCannotScale", name: "the workload is gone", life: life(p(hour, noFault), p(hour, holds("workload_unreadable")+fails("read", "not_found", "+3"))),
		fires: []time.Duration{hour + 10*minute}, labels: map[string]string{"operation": "read", "cause": "not_found"},
	},
	{
		alert: "CamundaScalerCannotScale", name: "at an interval of 15 minutes",
		life:  life(p(hour, every15m), repeat(8, p(scrapes, every15m+holds("write_failed")+fails("write", "forbidden", "+1")), p(14*minute+scrapes, every15m+holds("write_failed")+fails("write", "forbidden", "+0")))),
		quiet: []time.Duration{hour + 10*minute}, fires: []time.Duration{2 * hour},
	},
	{
		alert: "CamundaScalerCannotScale", name: "a conflict now and then",
		life:  life(p(hour, fails("write", "conflict", "1")), repeat(20, p(scrapes, holds("write_failed")+fails("write", "conflict", "+1")), p(4*minute+scrapes, fails("write", "conflict", "+0")))),
		quiet: []time.Duration{hour + 20*minute, 2*hour + 10*minute},
	},
	{
		alert: "CamundaScalerCannotScale", name: "over since ten minutes", life: life(p(hour, noFault), p(20*minute, holds("write_failed")+fails("write", "timeout", "+3")), p(hour, fails("write", "timeout", "+0"))),
		fires: []time.Duration{hour + 20*minute}, quiet: []time.Duration{hour + 25*minute, hour + 40*minute}, labels: map[string]string{"operation": "write", "cause": "timeout"},
	},
	{alert: "CamundaScalerCannotScale", name: "Prometheus fails and not the API server", life: life(p(hour, noFault), p(hour, holds("query_failed")+fails("query", "server", "+3"))), quiet: []time.Duration{hour + 30*minute}},

	{
		alert: "CamundaScalerContested", name: "undone steps and a change of leader",
		life:  life(p(hour, noFault), p(5*minute, holds("contested")), p(hour, takenOver+"scaler b camunda_scaler_holding{target=\"t\",reason=\"contested\"} 1")),
		fires: []time.Duration{hour + 10*minute}, labels: map[string]string{"reason": "contested"},
	},
	{
		alert: "CamundaScalerContested", name: "an HPA that was deleted soon", life: life(p(hour, noFault), p(5*minute, holds("owned_by_other")), p(hour, noFault)),
		quiet: []time.Duration{hour + 7*minute, hour + 9*minute, hour + 20*minute},
	},
	{alert: "CamundaScalerContested", name: "held for another reason", life: life(p(hour, holds("paused"))), quiet: []time.Duration{30 * minute}},

	{
		alert: "CamundaScalerBusyUnknown", name: "the load asks for fewer only with every third sample",
		life:  life(p(hour, noFault), repeat(60, p(scrapes, holds("busy_unknown")), p(minute, decides("none", "sample_used")))),
		fires: []time.Duration{hour + 11*minute, 2 * hour},
	},
	{
		alert: "CamundaScalerBusyUnknown", name: "a query fails now and then, and steps follow",
		life:  life(p(hour, noFault), repeat(20, p(minute, holds("busy_unknown")), p(2*minute, decides("none", "scale_down_delay")), p(scrapes, decides("down", "load_low")+steps("+0", "+1")))),
		quiet: []time.Duration{hour + 15*minute, hour + 40*minute, hour + 60*minute},
	},
	{
		alert: "CamundaScalerBusyUnknown", name: "a restart of Prometheus", life: life(p(hour, noFault), p(4*minute, holds("busy_unknown")), p(hour, noFault)),
		quiet: []time.Duration{hour + 4*minute, hour + 9*minute, hour + 12*minute},
	},
	{
		alert: "CamundaScalerBusyUnknown", name: "the first step down, with which the series appears",
		life: life(p(hour, steps("absent", "absent")), p(9*minute, holds("busy_unknown")+steps("absent", "absent")),
			p(8*minute, holds("busy_unknown")+steps("absent", "1"))),
		quiet: []time.Duration{hour + 9*minute, hour + 12*minute, hour + 17*minute},
	},
	{alert: "CamundaScalerBusyUnknown", name: "waits for idle Pods", life: life(p(hour, decides("none", "wait_for_idle"))), quiet: []time.Duration{30 * minute}},
	{
		alert: "CamundaScalerWaitsForReady", name: "each Pod takes a minute", life: life(p(hour, noFault), repeat(20, p(scrapes, decides("up", "load_high")), p(minute, decides("none", "wait_for_ready")), p(minute, noFault))),
		quiet: []time.Duration{hour + 20*minute, hour + 40*minute},
	},
	{alert: "CamundaScalerWaitsForReady", name: "waits for something else", life: life(p(hour, decides("none", "scale_down_delay"))), quiet: []time.Duration{30 * minute}},
	{
		alert: "CamundaScalerMaxUnknown", name: "a restart of Prometheus", life: life(p(hour, noFault), p(4*minute, `scaler a camunda_scaler_max_replicas{target="t"} absent`), p(hour, noFault)),
		quiet: []time.Duration{hour + 6*minute, hour + 9*minute},
	},
	{alert: "CamundaScalerMaxUnknown", name: "another Pod takes over", life: life(p(hour, noFault), p(hour, takenOver)), quiet: []time.Duration{hour + 6*minute, hour + 12*minute}},
	{alert: "CamundaScalerMaxUnknown", name: "the target was taken out", life: life(p(hour, noFault), p(hour, takenOut)), quiet: []time.Duration{hour + 6*minute, hour + 11*minute}},

	{
		alert: "CamundaScalerPaused", name: "through a change of leader", life: life(p(hour, noFault), p(4*hour, paused), p(5*minute, takenOver), p(8*hour, takenOver+`scaler b camunda_scaler_paused{target="t"} 1`)),
		quiet: []time.Duration{8 * hour}, fires: []time.Duration{10 * hour},
	},
	{alert: "CamundaScalerPaused", name: "for a morning", life: life(p(hour, noFault), p(5*hour, paused), p(9*hour, noFault)), quiet: []time.Duration{6 * hour, 10 * hour, 14 * hour}},
	{alert: "CamundaScalerSwitchedOff", name: "while nothing is left to count", life: life(p(hour, noFault), p(9*hour, off+holds("no_data"))), quiet: []time.Duration{8 * hour}, fires: []time.Duration{9*hour + 30*minute}},
	{
		alert: "CamundaScalerSwitchedOff", name: "by hand, where a rule may go to 0", life: life(p(hour, toZero), p(9*hour, toZero+off+holds("switched_off"))),
		quiet: []time.Duration{8 * hour}, fires: []time.Duration{9*hour + 30*minute},
	},
	{
		alert: "CamundaScalerSwitchedOff", name: "at 0 by a rule, for a day", life: life(p(hour, toZero), p(24*hour, toZero+off+decides("none", "load_low_at_min")), p(hour, noFault)),
		quiet: []time.Duration{10 * hour, 24 * hour, 25*hour + 20*minute},
	},
	{
		alert: "CamundaScalerSwitchedOff", name: "at 0 by a rule, and then no data", life: life(p(hour, toZero), p(hour, toZero+off+decides("none", "load_low_at_min")), p(10*hour, toZero+off+holds("no_data"))),
		quiet: []time.Duration{11 * hour},
	},
	{alert: "CamundaScalerSwitchedOff", name: "for maintenance", life: life(p(hour, noFault), p(5*hour, off+holds("switched_off")), p(9*hour, noFault)), quiet: []time.Duration{6 * hour, 10 * hour}},

	{
		alert: "CamundaScalerOverloadedAtMax", name: "a peak", life: life(p(hour, noFault), p(5*minute, decides("none", "load_high_at_max")), p(hour, noFault)),
		quiet: []time.Duration{hour + 6*minute, hour + 13*minute},
	},
	{
		alert: "CamundaScalerOverloadedAtMax", name: "most of a merged group", life: life(p(hour, mergedGroup(map[string]int{"load_high_at_max": 600, "within_bounds": 200, "load_low_at_min": 200}))),
		fires: []time.Duration{30 * minute},
	},
	{alert: "CamundaScalerOverloadedAtMax", name: "does not know the maximum", life: life(p(hour, holds("max_unknown"))), quiet: []time.Duration{30 * minute}},
	{
		alert: "CamundaScalerFlapping", name: "two swings from 1 to 4 and back within half an hour",
		life:  life(p(hour, noFault), repeat(2, p(scrapes, steps("+3", "+0")), p(7*minute, noFault), p(scrapes, steps("+0", "+3")), p(7*minute, noFault)), p(hour, noFault)),
		quiet: []time.Duration{hour + 25*minute, hour + 29*minute, hour + 35*minute},
	},
	{alert: "CamundaScalerFlapping", name: "up all the time", life: life(p(2*hour, steps("+3", "+0"))), quiet: []time.Duration{hour}},
}
