// One target: does it keep up, and why does it have this size?
local g = import 'grafana.libsonnet';
local reasons = import 'reasons.libsonnet';

local scraped = 'cluster=~"$cluster",namespace=~"$namespace",job=~"$job"';
local select(metric, more='') = 'camunda_scaler_%s{%s,target="$target"%s}' % [metric, scraped, more];

// Pods of one scaler are one, the scalers of two clusters or namespaces are not.
local scaler = 'cluster, namespace, job';
// The last decision, by its reason. A merged group has several: one for each that some
// of its members have.
local decided = '{__name__=~"camunda_scaler_(last_decision_timestamp_seconds|group_members)",%s,target="$target",reason!=""}' % scraped;
// A group has its rule once, under its own name.
local rule(more='') = 'camunda_scaler_rule{%s,target="$group"%s}' % [scraped, more];
local bound(more) = 'max by (%s, trigger) (%s)' % [scaler, rule(more)];
local one(metric, more='') = 'max by (%s) (%s)' % [scaler, select(metric, more)];
local each(metric, more='') = 'max by (%s, trigger) (%s)' % [scaler, select(metric, more)];
local times(factor) = '* on (%s) group_left () %s' % [scaler, factor];

// The loads that trigger the next step at the current number of replicas. Without
// replicas a step rule per replica triggers none, a target rule any above 0, and
// there is no step down.
local some = '(%s > 0)' % one('replicas');
local up = std.join(' ', [
  bound(',parameter="scale_up_at",per="replica"'),
  times(some),
  'or',
  bound(',parameter="value_per_replica"'),
  times(one('replicas')),
  'or',
  bound(',parameter="scale_up_at",per="total"'),
]);
local down = std.join(' ', [
  bound(',parameter="scale_down_at",per="replica"'),
  times(some),
  'or',
  bound(',parameter="value_per_replica"'),
  times('(%s - 1)' % some),
  'or',
  bound(',parameter="scale_down_at",per="total"'),
  'and on (%s) %s' % [scaler, some],
]);
// Without replicas there is no share.
local share(load) = '%s / on (%s, trigger) ((%s) > 0)' % [load, scaler, up];
local load = share(each('sample_value'));
local highest(expr) = 'topk by (%s) (1, %s)' % [scaler, expr];

local counted(metric, more='') = g.counted(select(metric, more), 'process_start_time_seconds{%s}' % scraped, 'cluster, namespace, job, instance');
local steps(action) = counted('steps_total', ',action="%s"' % action);
local others = counted('foreign_changes_total');
local errors = counted('errors_total');

local own = ['What did it decide, and why?', 'Steps and changes by others', 'Sample age', 'Failed requests'];
local annotations = [
  g.annotation('Scaled up', 'orange', 'sum by (reason) (\n%s)' % steps('up'), '{{reason}}', own),
  g.annotation('Scaled down', 'blue', 'sum by (reason) (\n%s)' % steps('down'), '{{reason}}', own),
  g.annotation('Changed by others', 'purple', 'sum(\n%s)' % others, 'Another writer changed the replicas.', own),
];

local glance = [
  g.stat(
    'Load',
    'Load as a share of the load that triggers the next step up at the current number of replicas; with several triggers, the highest share. At 100 % the rule scales up. No replicas: there is nothing to have a share.',
    [g.now('max by (%s) (%s) or 0 * (%s == 0) - 1' % [scaler, load, one('replicas')], 'load')],
  ) + {
    w:: 3,
    fieldConfig+: { defaults+: {
      unit: 'percentunit',
      decimals: 0,
      mappings+: [g.values({ '-1': ['no replicas', 'text'] })],
      thresholds: g.thresholds([[null, 'green'], [0.8, 'orange'], [1, 'red']]),
    } },
    options+: { textMode: 'value' },
  },
  g.stat(
    'Next step up at',
    'Load that triggers the next step up; with several triggers, that of the trigger closest to it. At maximum: no more replicas are allowed now. Above 0: there are no replicas, and any load starts one. None: the workload was switched off.',
    [
      g.now('((%s or on (%s) %s) and on (%s) %s < %s) unless on (%s) %s' % [
        '0 * %s + on (%s, trigger) (%s)' % [highest(load), scaler, up],
        scaler,
        highest(up),
        scaler,
        one('replicas'),
        one('max_replicas'),
        scaler,
        select('holding', ',reason="switched_off"'),
      ], '{{trigger}}'),
      g.now('0 * %s - 2 or 0 * (%s >= %s) - 1' % [one('holding', ',reason="switched_off"'), one('replicas'), one('max_replicas')], 'none'),
    ],
  ) + {
    w:: 5,
    fieldConfig+: { defaults+: {
      unit: 'short',
      mappings+: [g.values({ '-2': ['none', 'text'], '-1': ['at maximum', 'text'], '0': ['above 0', 'text'] })],
    } },
  },
  g.stat(
    'Replicas',
    'Desired: result of the last decision. Set: spec.replicas. Ready: ready Pods. Last known: spec.replicas as last read, while the workload cannot be read.',
    [
      g.now(one('desired_replicas'), 'desired'),
      g.now(one('replicas'), 'set'),
      g.now(one('ready_replicas'), 'ready'),
      g.now('max by (%s) (last_over_time(%s[$__range]) and on (%s, instance) %s) unless on (%s) %s' % [scaler, select('replicas'), scaler, decided, scaler, one('replicas')], 'last known'),
    ],
  ) + { w:: 5, options+: { textMode: 'value_and_name' } },
  g.stat(
    'Why',
    'Reason of the last decision. Held: something is missing or forbidden, so the rule is not applied. Unknown: no scaler decides on this target.',
    [g.rows('group by (%s, reason) (%s)' % [scaler, decided])],
  ) + {
    w:: 6,
    fieldConfig+: { defaults+: { mappings+: [reasons.mapping] } },
    options+: { textMode: 'value', reduceOptions: { calcs: [], fields: '/^reason$/', values: true, limit: 4 } },
  },
  g.stat(
    'Mode',
    'Active: the scaler writes the replicas. Dry run: it only logs and exports what it would do. Paused: it writes nothing, or takes no step in one direction, because of its configuration or an annotation of the workload.',
    [g.now('(%s or on (%s) 0 * %s) + on (%s) 2 * (%s or on (%s) 0 * %s)' % [one('paused'), scaler, one('target_info'), scaler, one('target_info', ',dry_run="true"'), scaler, one('target_info')], 'mode')],
  ) + {
    w:: 5,
    fieldConfig+: { defaults+: {
      mappings+: [g.values({ '0': ['active', 'green'], '0.5': ['one direction paused', '#8E8E8E'], '1': ['paused', '#8E8E8E'], '2': ['dry run', 'purple'], '2.5': ['dry run, one direction paused', 'purple'], '3': ['dry run, paused', 'purple'] })],
    } },
    options+: { textMode: 'value' },
  },
];

local keepingUp = [
  g.timeseries(
    'Load and the next steps',
    'Load, and the loads that trigger the next step at the current number of replicas. At or above the orange line the rule scales up, at or below the blue line it scales down. A delay or a limit can hold a step back: see the panels below.',
    [
      g.query('max by (%s, trigger) (%s)' % [scaler, select('sample_value', ',trigger=~"$trigger"')], 'load {{trigger}}'),
      g.query('max by (%s) (%s)' % [scaler, '(%s) and on (trigger) %s' % [up, rule(',trigger=~"$trigger"')]], 'next step up'),
      g.query('max by (%s) (%s)' % [scaler, '(%s) and on (trigger) %s' % [down, rule(',trigger=~"$trigger"')]], 'next step down'),
    ],
  ) + {
    w:: 24,
    h:: 9,
    repeat: 'trigger',
    repeatDirection: 'h',
    maxPerRow: 3,
    fieldConfig+: {
      defaults+: { unit: 'short' },
      overrides: [
        { matcher: { id: 'byRegexp', options: '/^load/' }, properties: [{ id: 'color', value: g.fixed('green') }] },
        g.override('next step up', g.dash('orange')),
        g.override('next step down', g.dash('blue')),
      ],
    },
  },
  g.timeseries(
    'Replicas',
    'Ready Pods (area), spec.replicas (set), the result of the last decision (desired), and the minimum and maximum in force at the time, for example from a calendar.',
    [
      g.query(one('ready_replicas'), 'ready'),
      g.query(one('replicas'), 'set'),
      g.query(one('desired_replicas'), 'desired'),
      g.query(one('min_replicas'), 'minimum'),
      g.query(one('max_replicas'), 'maximum'),
    ],
  ) + {
    w:: 12,
    fieldConfig+: {
      defaults+: { decimals: 0, custom+: { lineInterpolation: 'stepAfter' } },
      overrides: [
        g.override('ready', { color: g.fixed('blue'), 'custom.lineWidth': 0, 'custom.fillOpacity': 25 }),
        g.override('set', { color: g.fixed('green'), 'custom.fillOpacity': 0 }),
        g.override('desired', g.dash('orange')),
        g.override('minimum', g.dash('#8E8E8E', [2, 6])),
        g.override('maximum', g.dash('text', [20, 8])),
      ],
    },
  },
  g.timeseries(
    'Load as a share of the next step up',
    'Load of each trigger as a share of the load that triggers its next step up, whatever it counts. At 100 % one trigger is enough to scale up. To scale down, every trigger has to be at or below its dashed line.',
    [
      g.query(load, 'load {{trigger}}'),
      g.query(share('(%s)' % down), 'next step down {{trigger}}'),
    ],
  ) + {
    w:: 12,
    fieldConfig+: {
      defaults+: {
        unit: 'percentunit',
        custom+: { thresholdsStyle: { mode: 'dashed' } },
        thresholds: g.thresholds([[null, 'transparent'], [1, 'orange']]),
      },
      overrides: [{
        matcher: { id: 'byRegexp', options: '/^next step down/' },
        properties: [
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
          { id: 'custom.lineWidth', value: 1 },
          { id: 'custom.fillOpacity', value: 0 },
          { id: 'custom.lineInterpolation', value: 'stepAfter' },
        ],
      }],
    },
  },
];

local why = [
  g.timeline(
    'What did it decide, and why?',
    'A bar where the last decision had that reason at a scrape; steps show even between two scrapes. Green: fine. Orange: up. Blue: down. Yellow: a step waits. Red: overloaded at the maximum, or the workload cannot be read or written. Pink: no usable sample. Purple: another writer of the replicas. Grey: paused, or switched off by hand.',
    [g.query('group by (%s, reason) (\n%s or last_over_time(%s[$__interval]) or\n%s)' % [scaler, decided, decided, counted('steps_total')], '{{reason}}')],
  ) + {
    w:: 24,
    h:: 9,
    fieldConfig+: { overrides: reasons.overrides },
  },
  g.timeseries(
    'Steps and changes by others',
    'Changes of the replicas: the scaler\'s steps, and changes by other writers. Alternating steps up and down: the load swings, or another writer reverts them. A dry run takes no steps.',
    [
      g.query('sum by (%s) (\n%s)' % [scaler, steps('up')], 'up'),
      g.query('sum by (%s) (\n%s)' % [scaler, steps('down')], 'down'),
      g.query('sum by (%s) (\n%s)' % [scaler, others], 'by others'),
      g.query('0 * %s' % one('target_info'), 'none'),
    ],
  ) + g.bars + {
    w:: 8,
    fieldConfig+: { overrides: [
      g.override('up', { color: g.fixed('orange') }),
      g.override('down', { color: g.fixed('blue') }),
      g.override('by others', { color: g.fixed('purple') }),
      g.hidden('none'),
    ] },
  },
  g.timeseries(
    'Sample age',
    'Age of the newest sample of each trigger. It keeps rising while there is no newer sample. Spacing: observed time between two samples. Too old: the age at which the scaler holds, unless max_sample_age is set.',
    [
      g.query(each('sample_age_seconds'), 'age {{trigger}}'),
      g.query(each('sample_interval_seconds'), 'spacing {{trigger}}'),
      g.query('clamp_max(clamp_min(3 * max by (%s) (%s), 30), 900)' % [scaler, select('sample_interval_seconds')], 'too old'),
    ],
  ) + {
    w:: 8,
    fieldConfig+: {
      defaults+: { unit: 's' },
      overrides: [
        { matcher: { id: 'byRegexp', options: '/^spacing/' }, properties: [{ id: 'custom.fillOpacity', value: 0 }, { id: 'custom.lineWidth', value: 1 }] },
        g.override('too old', g.dash('red')),
      ],
    },
  },
  g.failures(
    'Failed requests',
    'Failed requests for this target, to Prometheus (query) and to the API server (read, write), by cause.',
    'sum by (%s, operation, cause) (\n%s)' % [scaler, errors],
    '{{operation}}: {{cause}}',
    one('target_info'),
  ) + { w:: 8 },
];

g.board(
  'camunda-autoscaling',
  'Does the workload keep up, and why does it have this size? All data come from the scaler, so the board fits any target.',
  g.scope('camunda_scaler_target_info') + [
    g.variable('target', 'Target', 'label_values(camunda_scaler_target_info{%s}, target)' % scraped),
    g.variable('group', 'Group', 'label_values(%s, group)' % select('target_info')) + { hide: 2 },
    g.variable('trigger', 'Trigger', 'label_values(%s, trigger)' % rule()) + g.all { hide: 2 },
  ],
  annotations,
  [
    ['At a glance', glance],
    ['Is it keeping up?', keepingUp],
    ['Why?', why],
  ],
) + { refresh: '10s' }
