// The scaler and all of its targets.
local g = import 'grafana.libsonnet';
local reasons = import 'reasons.libsonnet';

local scraped = 'cluster=~"$cluster",namespace=~"$namespace",job=~"$job"';
local select(metric, more='') = 'camunda_scaler_%s{%s%s}' % [metric, scraped, more];

local scaler = 'cluster, namespace, job';
local target = scaler + ', target';
local pod = scaler + ', instance';
local each(metric, more='') = 'max by (%s) (%s)' % [target, select(metric, more)];
local per(metric, more='') = 'max by (%s, trigger) (%s)' % [target, select(metric, more)];
// The last decisions, by reason. A merged group has several: one for each that some
// of its members have.
local decided(more='') = '{__name__=~"camunda_scaler_(last_decision_timestamp_seconds|group_members)",%s,reason!=""%s}' % [scraped, more];
local dryRun = select('target_info', ',dry_run="true"');
local process = 'process_start_time_seconds{%s}' % scraped;
local counted(metric, more='') = g.counted(select(metric, more), process, pod);

// The load as a share of that of the next step up, as on the board Autoscaling.
// A group has its rule once, under its own name.
local share(more) = '%s * on (%s) group_left (group) group by (%s, group) (%s) / on (%s, group, trigger) group_left () (max by (%s, group, trigger) (label_replace(%s, "group", "$1", "target", "(.*)")) > 0)' % [
  per('sample_value'),
  target,
  target,
  select('target_info'),
  scaler,
  scaler,
  select('rule', more),
];
local load = 'max by (%s) (%s / on (%s) group_left () (%s > 0) or %s)' % [
  target,
  share(',parameter=~"scale_up_at|value_per_replica",per="replica"'),
  target,
  each('replicas'),
  share(',parameter="scale_up_at",per="total"'),
];

// Pods by their names, or by their addresses where there is no label pod.
local named(expr) = 'label_replace(label_replace(%s, "name", "$1", "instance", "(.+)"), "name", "$1", "pod", "(.+)")' % expr;
local own(expr) = named('%s and on (%s) %s' % [expr, pod, select('build_info')]);

g.board(
  'camunda-scaler',
  'The scaler and all of its targets: which targets need attention, which Pod leads, and how Prometheus and the API server respond.',
  g.scope('camunda_scaler_build_info'),
  [],
  [
    ['At a glance', [
      g.stat('Leader', 'Whether exactly one Pod of each scaler leads. None or several is a fault if it lasts longer than a change of leaders.', [
        g.now('max(sum by (%s) (%s) != 1) or max(sum by (%s) (%s))' % [scaler, select('leader'), scaler, select('leader')], 'leader'),
      ]) + {
        w:: 3,
        fieldConfig+: { defaults+: {
          mappings+: [
            g.values({ '0': ['none', 'red'], '1': ['one', 'green'] }),
            { type: 'range', options: { from: 2, to: 1000, result: { text: 'several', color: 'red', index: 3 } } },
          ],
        } },
      },
      g.stat('Standby Pods', 'Pods that take over if the leader fails; with several scalers, the lowest number.', [
        g.now('min(count by (%s) (%s) - 1)' % [scaler, select('build_info')], 'standby'),
      ]) + {
        w:: 4,
        fieldConfig+: { defaults+: { mappings+: [g.values({ '0': ['none', 'text'] })] } },
      },
      g.stat('Configuration', 'Whether the last reload succeeded in all Pods. Refused: the previous configuration stays in force.', [
        g.now('min(%s)' % select('config_last_reload_successful'), 'reload'),
      ]) + {
        w:: 4,
        fieldConfig+: { defaults+: { mappings+: [g.values({ '0': ['refused', 'red'], '1': ['loaded', 'green'] })] } },
      },
      g.stat('Targets', 'All: every target, including members of groups. Held: the rule is not applied, because something is missing or forbidden. At maximum: overloaded, and no more replicas are allowed. Dry run: the scaler only logs and exports what it would do.', [
        g.now('count(%s)' % each('target_info'), 'all'),
        g.now('count(%s) or 0 * count(%s)' % [each('holding', ',reason!="paused"'), each('target_info')], 'held'),
        g.now('count(%s) or 0 * count(%s)' % ['group by (%s) (%s)' % [target, decided(',reason="load_high_at_max"')], each('target_info')], 'at maximum'),
        g.now('sum(%s) or 0 * count(%s)' % [each('paused'), each('target_info')], 'paused'),
        g.now('count(%s) or 0 * count(%s)' % [each('target_info', ',dry_run="true"'), each('target_info')], 'dry run'),
      ]) + {
        w:: 13,
        options+: { textMode: 'value_and_name' },
        fieldConfig+: { overrides: [
          g.override('held', { thresholds: g.thresholds([[null, 'green'], [1, 'red']]) }),
          g.override('at maximum', { thresholds: g.thresholds([[null, 'green'], [1, 'red']]) }),
          g.override('paused', { thresholds: g.thresholds([[null, 'text'], [1, '#8E8E8E']]) }),
          g.override('dry run', { thresholds: g.thresholds([[null, 'text'], [1, 'purple']]) }),
        ] },
      },
    ]],
    ['Targets', [
      g.table('Which targets need attention?', 'All targets, held ones first, then by load. A target\'s name links to its board. Load: share of the load that triggers the next step up. Set: spec.replicas. Desired: result of the last decision.', [
        g.rows('max by (%s, dry_run) (%s)' % [target, select('target_info')]),
        g.rows('group by (%s, reason) (%s)' % [target, decided()]),
        g.rows(load),
        g.rows(each('replicas')),
        g.rows(each('ready_replicas')),
        g.rows(each('desired_replicas')),
        g.rows(each('min_replicas')),
        g.rows(each('max_replicas')),
        g.rows(each('sample_age_seconds')),
        g.rows('1000 * %s or %s or 0 * %s' % [each('holding', ',reason!="paused"'), load, each('target_info')]),
      ]) + {
        w:: 24,
        h:: 11,
        transformations: [
          { id: 'merge', options: {} },
          // A bar with its number beside it is drawn over that number if the first row has none.
          { id: 'calculateField', options: { mode: 'binary', alias: 'bar', binary: { left: 'Value #C', operator: '*', right: '1' }, reduce: { reducer: 'sum' }, replaceFields: false } },
          { id: 'sortBy', options: { fields: {}, sort: [{ field: 'Value #J', desc: true }] } },
          { id: 'organize', options: {
            excludeByName: { Time: true, 'Value #A': true, 'Value #B': true, 'Value #J': true },
            indexByName: { target: 0, reason: 1, bar: 2, 'Value #C': 3, 'Value #D': 4, 'Value #E': 5, 'Value #F': 6, 'Value #G': 7, 'Value #H': 8, 'Value #I': 9, dry_run: 10, cluster: 11, namespace: 12, job: 13 },
            renameByName: { target: 'Target', reason: 'Why', bar: ' ', 'Value #C': 'Load', 'Value #D': 'Set', 'Value #E': 'Ready', 'Value #F': 'Desired', 'Value #G': 'Min', 'Value #H': 'Max', 'Value #I': 'Sample age', dry_run: 'Mode' },
          } },
        ],
        fieldConfig+: {
          overrides: [
            g.override('Target', { links: [{
              title: 'Autoscaling of ${__value.text}',
              url: '/d/camunda-autoscaling?${datasource:queryparam}&${cluster:queryparam}&${namespace:queryparam}&var-target=${__data.fields.Target:percentencode}&${__url_time_range}',
            }], 'custom.minWidth': 150 }),
            g.override('Why', { mappings: [reasons.mapping, g.unknown], 'custom.cellOptions': { type: 'color-text' }, 'custom.width': 185 }),
            g.override('Load', { unit: 'percentunit', decimals: 0, 'custom.width': 65 }),
            g.override(' ', {
              unit: 'percentunit',
              min: 0,
              max: 1.5,
              thresholds: g.thresholds([[null, 'transparent'], [0.001, 'green'], [0.8, 'orange'], [1, 'red']]),
              'custom.cellOptions': { type: 'gauge', mode: 'basic', valueDisplayMode: 'hidden' },
              'custom.width': 125,
            }),
            g.override('Sample age', { unit: 's', decimals: 0, 'custom.width': 98 }),
            g.override('Mode', { mappings: [g.values({ 'true': ['dry run', 'purple'], 'false': ['active', 'text'] })], 'custom.cellOptions': { type: 'color-text' }, 'custom.width': 80 }),
          ] + [
            g.override(name, { decimals: 0, 'custom.width': if name == 'Desired' then 75 else 62 })
            for name in ['Set', 'Ready', 'Desired', 'Min', 'Max']
          ] + [
            g.override(name, { 'custom.hidden': true })
            for name in ['cluster', 'namespace', 'job']
          ],
        },
      },
      g.timeseries('Targets by reason', 'Number of targets by the reason of their last decision.', [
        g.query('count by (reason) (group by (%s, reason) (%s))' % [target, decided()], '{{reason}}'),
      ]) + g.stacked + g.coarse + { w:: 12, h:: 9, fieldConfig+: { defaults+: { decimals: 0 }, overrides: reasons.overrides } },
      g.timeseries('Replicas of all targets', 'Ready Pods, spec.replicas (set) and the results of the last decisions (desired), summed over all targets. A workload that cannot be read counts with its last known numbers for ten minutes.', [
        g.query('sum(%s or max by (%s) (last_over_time(%s[10m]) and on (%s, target) %s))' % [each(q[0]), target, select(q[0]), pod, decided()], q[1])
        for q in [['ready_replicas', 'ready'], ['replicas', 'set'], ['desired_replicas', 'desired']]
      ]) + g.coarse + {
        w:: 12,
        h:: 9,
        fieldConfig+: {
          defaults+: { decimals: 0, custom+: { lineInterpolation: 'stepAfter' } },
          overrides: [
            g.override('ready', { color: g.fixed('blue'), 'custom.lineWidth': 0, 'custom.fillOpacity': 25 }),
            g.override('set', { color: g.fixed('green'), 'custom.fillOpacity': 0 }),
            g.override('desired', g.dash('orange')),
          ],
        },
      },
      g.timeseries('Steps and changes by others', 'Changes of the replicas of all targets, except dry runs: the scaler\'s steps, and changes by other writers.', [
        g.query('sum by (action) (\n%s)' % [counted('steps_total')], '{{action}}'),
        g.query('sum(\n%sunless on (%s) %s)' % [counted('foreign_changes_total'), target, dryRun], 'by others'),
        g.query('0 * count(%s)' % select('build_info'), 'none'),
      ]) + g.bars + {
        w:: 12,
        fieldConfig+: { overrides: [
          g.override('up', { color: g.fixed('orange') }),
          g.override('down', { color: g.fixed('blue') }),
          g.override('by others', { color: g.fixed('purple') }),
          g.hidden('none'),
        ] },
      },
      g.timeseries('Loop lag', 'Time from the scrape of a sample to the end of the action that it led to, over all targets. It should stay below the interval of the targets.', [
        g.query('histogram_quantile(%s, sum by (le) (rate(%s[$__rate_interval])))' % [q[0], select('loop_lag_seconds_bucket')], q[1])
        for q in [['0.99', '99 %'], ['0.5', 'median']]
      ]) + g.coarse + { w:: 12, fieldConfig+: { defaults+: { unit: 's' } } },
    ]],
    ['Requests', [
      g.timeseries('Latency of Prometheus', 'Duration of queries, including failed ones. Queued: time that they waited before, because the maximum was in flight.', [
        g.query('histogram_quantile(%s, sum by (le) (rate(%s[$__rate_interval])))' % [q[0], select(q[1])], q[2])
        for q in [
          ['0.95', 'query_duration_seconds_bucket', '95 %'],
          ['0.5', 'query_duration_seconds_bucket', 'median'],
          ['0.95', 'query_queue_duration_seconds_bucket', 'queued 95 %'],
        ]
      ]) + { w:: 12, fieldConfig+: { defaults+: { unit: 's', custom+: { axisSoftMax: 0.1 } } } },
      g.timeseries('Latency of the API server', 'Duration of reads and writes of the scale subresource, including failed ones.', [
        g.query('histogram_quantile(%s, sum by (operation, le) (rate(%s[$__rate_interval])))' % [q[0], select('api_request_duration_seconds_bucket')], q[1])
        for q in [['0.95', '{{operation}} 95 %'], ['0.5', '{{operation}} median']]
      ]) + { w:: 12, fieldConfig+: { defaults+: { unit: 's', custom+: { axisSoftMax: 0.1 } } } },
    ] + [
      g.failures(
        f[0],
        f[1],
        'sum by (%s) (\n%s)' % [f[3], counted('errors_total', f[2])],
        f[4],
        'count(%s)' % select('build_info'),
      ) + { w:: 12 }
      for f in [
        ['Failed queries', 'Failed requests to Prometheus, by cause.', ',operation="query"', 'cause', '{{cause}}'],
        ['Failed requests to the API server', 'Failed reads and writes of the scale subresource, by cause. forbidden: the Role lacks the workload. conflict: another writer was faster.', ',operation=~"read|write"', 'operation, cause', '{{operation}}: {{cause}}'],
      ]
    ]],
    ['The process', [
      g.table('Pods', 'Every Pod of the scaler that Prometheus scrapes.', [
        g.rows(named('max by (%s, pod, version) (%s)' % [pod, select('build_info')])),
        g.rows(named('max by (%s, pod) (%s)' % [pod, select('leader')])),
        g.rows('1000 * (%s)' % own('max by (%s, pod) (%s)' % [pod, process])),
      ]) + {
        w:: 24,
        h:: 5,
        transformations: [
          { id: 'merge', options: {} },
          { id: 'organize', options: {
            excludeByName: { Time: true, 'Value #A': true, instance: true, pod: true, cluster: true },
            indexByName: { name: 0, namespace: 1, job: 2, 'Value #B': 3, version: 4, 'Value #C': 5 },
            renameByName: { name: 'Pod', namespace: 'Namespace', job: 'Job', 'Value #B': 'Role', version: 'Version', 'Value #C': 'Started' },
          } },
        ],
        fieldConfig+: { overrides: [
          g.override('Role', { mappings: [g.values({ '0': ['standby', 'text'], '1': ['leader', 'green'] })], 'custom.cellOptions': { type: 'color-text' }, 'custom.align': 'left' }),
          g.override('Started', { unit: 'dateTimeFromNow', 'custom.align': 'left' }),
        ] },
      },
      g.timeseries('CPU', 'CPU seconds per second, by Pod.', [
        g.query(own('rate(process_cpu_seconds_total{%s}[$__rate_interval])' % scraped), '{{name}}'),
      ]) + { w:: 8, fieldConfig+: { defaults+: { unit: 'short', custom+: { axisSoftMax: 0.1 } } } },
      g.timeseries('Memory', 'Resident memory, by Pod.', [
        g.query(own('process_resident_memory_bytes{%s}' % scraped), '{{name}}'),
      ]) + { w:: 8, fieldConfig+: { defaults+: { unit: 'bytes' } } },
      g.timeseries('Goroutines', 'Goroutines, by Pod. A line that only rises is a leak.', [
        g.query(own('go_goroutines{%s}' % scraped), '{{name}}'),
      ]) + { w:: 8 },
    ]],
  ],
)
