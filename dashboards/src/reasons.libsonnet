// Every reason of a decision, in words and with one color on all boards.
// Green: fine. Orange: up. Blue: down. Yellow: waits. Red: overloaded at the
// maximum, or Kubernetes fails. Pink: no usable sample. Purple: another writer.
// Grey: paused or switched off.
local grafana = import 'grafana.libsonnet';
{
  local reasons = {
    within_bounds: ['within bounds', 'green'],
    load_low_at_min: ['load low, at minimum', 'semi-dark-green'],
    load_high: ['load high', 'orange'],
    below_min: ['below minimum', 'light-orange'],
    fallback: ['fallback', 'super-light-orange'],
    load_high_at_max: ['load high, at maximum', 'red'],
    load_low: ['load low', 'blue'],
    above_max: ['above maximum', 'light-blue'],

    scale_up_delay: ['waits: scale-up delay', 'yellow'],
    scale_down_delay: ['waits: scale-down delay', 'light-yellow'],
    scale_to_zero_delay: ['waits: scale-to-zero delay', '#8F7F3A'],
    scale_down_coverage: ['waits: coverage', 'super-light-yellow'],
    hold_after_start: ['waits after its start', 'semi-dark-yellow'],
    wait_for_ready: ['waits for ready Pods', 'dark-yellow'],
    wait_for_idle: ['waits for idle Pods', '#D9C37A'],
    sample_used: ['waits for a new sample', '#B8A878'],

    no_data: ['held: no data', '#E0529C'],
    stale: ['held: sample too old', '#F2A3CC'],
    query_failed: ['held: query failed', '#B83D7F'],
    many_series: ['held: several series', '#FF7AB8'],
    sample_from_future: ['held: sample from the future', '#C774A0'],
    not_a_number: ['held: not a number', '#9C3A70'],

    workload_unreadable: ['held: workload unreadable', 'semi-dark-red'],
    write_failed: ['held: write failed', '#FF8A80'],
    max_unknown: ['held: maximum unknown', 'super-light-red'],
    busy_unknown: ['held: busy Pods unknown', '#B5483F'],

    owned_by_other: ['held: another autoscaler', 'purple'],
    contested: ['held: contested', 'semi-dark-purple'],
    paused: ['paused', '#8E8E8E'],
    switched_off: ['held: switched off', '#6E6E6E'],
  },

  // For a field whose value is the reason.
  mapping:: grafana.values(reasons),

  // For series that are named by the reason.
  overrides:: [
    grafana.override(reason, { displayName: reasons[reason][0], color: grafana.fixed(reasons[reason][1]) })
    for reason in std.objectFields(reasons)
  ],
}
