// The engine, as the exporter sees it.
local g = import 'grafana.libsonnet';

local scraped = 'cluster=~"$cluster",namespace=~"$namespace",job=~"$job"';
local select(metric) = '%s{%s}' % [metric, scraped];

// Pods of one exporter are one, two engines are not.
local exporter = 'cluster, namespace, job';
local one(metric) = 'max by (%s) (%s)' % [exporter, select(metric)];
local by(label, metric) = 'max by (%s, %s) (%s)' % [exporter, label, select(metric)];
local rate(metric) = 'max by (%s) (rate(%s[$__rate_interval]))' % [exporter, select(metric)];

// While the engine does not answer, nothing is counted: the rate is unknown, not 0.
local started = '%s and on (%s) min by (%s) (min_over_time(%s[$__rate_interval])) == 1' % [
  rate('camunda_process_instances_started_total'),
  exporter,
  exporter,
  select('camunda_up'),
];

local failed = g.counted(
  select('camunda_exporter_request_errors_total'),
  select('process_start_time_seconds'),
  'cluster, namespace, job, instance'
);

local optional(title, description, flag, targets) =
  g.timeseries(title, '%s Needs %s.' % [description, flag], targets) + {
    w:: 8,
    fieldConfig+: { defaults+: { unit: 'short', noValue::: 'no data; needs ' + flag } },
  };

g.board(
  'camunda-engine',
  'The engine as the exporter sees it: process instances started and finished, incidents, work that waits, the REST API and the clocks.',
  g.scope('camunda_up'),
  [],
  [
    ['At a glance', [
      g.stat('Engine', 'Whether the engine answered the exporter\'s last count.', [g.now(one('camunda_up'), '{{job}}')]) + {
        w:: 4,
        fieldConfig+: { defaults+: { mappings+: [g.values({ '0': ['fails', 'red'], '1': ['answers', 'green'] })] } },
      },
      g.stat('History', 'Whether the history shows process instances. Unreadable: the engine runs instances that its history does not show, because the history level is none or the grant READ_HISTORY is missing. Unknown: the history is empty.', [g.now(one('camunda_history_readable'), '{{job}}')]) + {
        w:: 4,
        fieldConfig+: { defaults+: { mappings+: [g.values({ '0': ['unreadable', 'red'], '1': ['readable', 'green'] })] } },
      },
      g.stat('Last window', 'Process instances started in the last complete window (10 s by default).', [g.now('max by (%s, window) (%s)' % [exporter, select('camunda_process_instances_recently_started')], '{{job}}')]) + {
        w:: 4,
        fieldConfig+: { defaults+: { unit: 'short' } },
      },
      g.stat('In this range', 'Process instances started in the time range of this board, from the exporter\'s counter.', [g.now('max by (%s) (increase(%s[$__range]))' % [exporter, select('camunda_process_instances_started_total')], '{{job}}')]) + {
        w:: 4,
        fieldConfig+: { defaults+: { unit: 'short' } },
      },
      g.stat('Clock skew', 'How far the clock of an engine node is at least ahead of the exporter\'s; negative: behind. Beyond 3 s nothing is counted, since a window would miss the instances of that node.', [g.now(one('camunda_clock_skew_seconds'), '{{job}}')]) + {
        w:: 4,
        fieldConfig+: { defaults+: {
          unit: 'suffix: s',
          decimals: 1,
          thresholds: g.thresholds([[null, 'red'], [-3, 'orange'], [-2, 'green'], [2, 'orange'], [3, 'red']]),
        } },
      },
      g.stat('Window ended', 'Time since the last counted window ended: the settle lag just after a scrape, and a scrape interval more just before the next one.', [g.now('time() - ' + one('camunda_window_end_timestamp_seconds'), '{{job}}')]) + {
        w:: 4,
        fieldConfig+: { defaults+: {
          unit: 's',
          decimals: 0,
          thresholds: g.thresholds([[null, 'green'], [60, 'orange'], [180, 'red']]),
        } },
      },
    ]],
    ['Process instances', [
      g.timeseries('Started per window', 'Process instances started in the last complete window, and the rate of the counter. The counter includes instances whose transaction ended late, so it can be higher. Its rate is left out around an outage, when nothing is counted and the rest follows at once.', [
        g.query(by('window', 'camunda_process_instances_recently_started'), '{{job}}, last {{window}}'),
g.query('10 * ' + started, '{{job}}, per 10 s by the counter'),
      ]) + { w:: 12, fieldConfig+: { defaults+: { unit: 'short' } } },
      g.timeseries('Started and finished', 'Process instances per second. If more start than finish, work piles up. The collector finished is on by default.', [
        g.query(started, '{{job}}, started'),
        g.query(rate('camunda_process_instances_finished_total'), '{{job}}, finished'),
      ]) + { w:: 6, fieldConfig+: { defaults+: { unit: 'suffix:/s' } } },
      g.timeseries('Incidents', 'Open incidents by type: an operator has to act. The collector incidents is on by default.', [
        g.query(by('incident_type', 'camunda_incidents'), '{{incident_type}}'),
      ]) + { w:: 6, fieldConfig+: { defaults+: { unit: 'short', noValue::: 'no data; off with --no-collector.incidents' } } },
    ]],
    ['REST API', [
      g.timeseries('Latency', '95th percentile of the duration of the exporter\'s requests to the engine, by endpoint.', [
        g.query('histogram_quantile(0.95, sum by (%s, endpoint, le) (rate(%s[$__rate_interval])))' % [exporter, select('camunda_exporter_request_duration_seconds_bucket')], '{{endpoint}}'),
      ]) + { w:: 12, fieldConfig+: { defaults+: { unit: 's', custom+: { axisSoftMax: 0.1 } } } },
      g.timeseries('Requests', 'Requests from the exporter to the engine. With any number of scrapers it counts at most about once a second.', [
        g.query('sum by (%s, endpoint) (rate(%s[$__rate_interval]))' % [exporter, select('camunda_exporter_request_duration_seconds_count')], '{{endpoint}}'),
      ]) + { w:: 12, fieldConfig+: { defaults+: { unit: 'reqps' } } },
      g.failures(
        'Failed requests',
        'Failed requests, by endpoint and cause.',
        'sum by (%s, endpoint, cause) (\n%s)' % [exporter, failed],
        '{{endpoint}}: {{cause}}',
        one('camunda_up'),
      ) + { w:: 10 },
      g.timeline('Collectors', 'Whether the engine answered all requests of each collector. If not, the collector\'s gauges are absent.', [
        g.query(by('collector', 'camunda_exporter_collector_success'), '{{collector}}'),
      ]) + {
        w:: 7,
        fieldConfig+: { defaults+: { mappings: [g.values({ '0': ['fails', 'red'], '1': ['works', 'green'] })] } },
      },
      g.timeseries('Time per collector', 'Duration of each collector\'s latest round of requests. A round that exceeds --collector.timeout has no series.', [
        g.query(by('collector', 'camunda_exporter_collector_duration_seconds'), '{{collector}}'),
      ]) + { w:: 7, fieldConfig+: { defaults+: { unit: 's', custom+: { axisSoftMax: 0.1 } } } },
    ]],
    ['Clocks', [
      g.timeseries('Clock skew', 'How far the clock of an engine node is at least ahead of the exporter\'s; negative: behind. Behind a Service the nodes answer in turn, so one wrong clock shows as a jagged line.', [
        g.query(one('camunda_clock_skew_seconds'), '{{job}}'),
      ]) + { w:: 8, fieldConfig+: { defaults+: { unit: 'suffix: s', decimals: 1, min:: null, custom+: { axisSoftMin: -1 } } } },
      g.timeseries('Instances with a start time hours off', 'Process instances that appeared within five minutes with a start time more than a quarter of an hour off. Above 0: nodes on one database have different time zones, so part of the instances is counted in no window.', [
        g.query(one('camunda_process_instances_misdated'), '{{job}}'),
      ]) + { w:: 8, fieldConfig+: { defaults+: { unit: 'short', decimals: 0 } } },
      g.timeseries('Window ended', 'Time since the last counted window ended. If the line rises, nothing is counted.', [
        g.query('time() - ' + one('camunda_window_end_timestamp_seconds'), '{{job}}'),
      ]) + { w:: 8, fieldConfig+: { defaults+: { unit: 's' } } },
    ]],
    ['Optional: --camunda.process-definition-key, --collector.running, .jobs, .external-tasks, .user-tasks', [
      optional('Started, by process definition', 'Process instances started in the last complete window.', '--camunda.process-definition-key', [
        g.query(by('process_definition_key', 'camunda_process_definition_instances_recently_started'), '{{process_definition_key}}'),
      ]),
      optional('Running', 'Process instances that have not ended, suspended ones included.', '--collector.running', [
        g.query(one('camunda_process_instances_running'), '{{job}}'),
      ]),
      optional('Jobs', 'Due: can be executed now, those under way included. Out of retries: not executed until an operator sets their retries. With exception: the last execution failed.', '--collector.jobs', [
        g.query(one('camunda_jobs_due'), 'due'),
        g.query(one('camunda_jobs_out_of_retries'), 'out of retries'),
        g.query(one('camunda_jobs_with_exception'), 'with exception'),
      ]),
      optional('External tasks by topic', 'Unlocked: they wait for a worker. Locked: a worker has them. Out of retries: no worker gets them.', '--collector.external-tasks', [
        g.query(by('topic, state', 'camunda_external_tasks'), '{{topic}}: {{state}}'),
      ]),
      optional('User tasks', 'Open user tasks, and those without an assignee.', '--collector.user-tasks', [
        g.query(one('camunda_user_tasks'), 'all'),
        g.query(one('camunda_user_tasks_unassigned'), 'unassigned'),
      ]),
    ], 'collapsed'],
  ],
)
