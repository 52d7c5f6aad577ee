// Grafana's JSON, with the choices that all boards share.
{
  datasource:: { type: 'prometheus', uid: '${datasource}' },

  // A query over the time range, or, when instant, at its end.
  query(expr, legend='', instant=false):: {
    datasource: $.datasource,
    expr: expr,
    legendFormat: legend,
    instant: instant,
    range: !instant,
  },
  now(expr, legend=''):: $.query(expr, legend, true),

  // An instant query whose labels become columns.
  rows(expr):: $.query(expr, '', true) { format: 'table' },

  // A stat without data shows unknown in orange: it must not seem healthy.
  unknown:: {
    type: 'special',
    options: { match: 'null+nan', result: { text: 'unknown', color: 'orange', index: 100 } },
  },
  // texts maps a value to [text, color].
  values(texts):: {
    type: 'value',
    options: {
      [value]: { text: texts[value][0], color: texts[value][1], index: std.find(value, std.objectFields(texts))[0] }
      for value in std.objectFields(texts)
    },
  },
  // steps are [from, color], the first from null.
  thresholds(steps):: {
    mode: 'absolute',
    steps: [{ value: s[0], color: s[1] } for s in steps],
  },
  plain:: $.thresholds([[null, 'text']]),

  override(name, properties):: {
    matcher: { id: 'byName', options: name },
    properties: [{ id: id, value: properties[id] } for id in std.objectFields(properties)],
  },
  fixed(color):: { mode: 'fixed', fixedColor: color },
  // A series that is there to show that there are data, at 0.
  hidden(name):: $.override(name, {
    color: $.fixed('transparent'),
    'custom.hideFrom': { legend: true, tooltip: true, viz: false },
  }),
  dash(color, pattern=[10, 10]):: {
    color: $.fixed(color),
    'custom.lineStyle': { fill: 'dash', dash: pattern },
    'custom.lineWidth': 1,
    'custom.fillOpacity': 0,
    'custom.lineInterpolation': 'stepAfter', // a bound is in force until the next one is
  },

  local panel(type, title, description, targets) = {
    type: type,
    title: title,
    description: description,
    datasource: $.datasource,
    targets: [
      targets[i] { refId: std.char(65 + i) }
      for i in std.range(0, std.length(targets) - 1)
    ],
    fieldConfig: {
      defaults: { unit: 'none', mappings: [], thresholds: $.plain, noValue: 'unknown' },
      overrides: [],
    },
  },

  stat(title, description, targets):: panel('stat', title, description, targets) {
    h:: 4,
    fieldConfig+: { defaults+: { color: { mode: 'thresholds' }, mappings: [$.unknown] } },
    options: {
      colorMode: 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  },

  timeseries(title, description, targets):: panel('timeseries', title, description, targets) {
    h:: 8,
    fieldConfig+: {
      defaults+: {
        color: { mode: 'palette-classic' },
        min: 0,
        noValue:: null, // with decimals it would also stand at the axis
        custom: {
          axisSoftMax: 1, // zeros stay at the bottom
          drawStyle: 'line',
          lineInterpolation: 'linear',
          lineWidth: 2,
          fillOpacity: 8,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: 'none', group: 'A' },
        },
      },
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  },
  stacked:: {
    fieldConfig+: { defaults+: { custom+: {
      lineInterpolation: 'stepAfter',
      lineWidth: 0,
      fillOpacity: 70,
      stacking: { mode: 'normal', group: 'A' },
    } } },
  },
  // For queries over all targets, of which there can be thousands.
  coarse:: { maxDataPoints: 100 },
  bars:: $.stacked {
    interval: '1m', // narrower bars are unreadable
    maxDataPoints: 60,
    fieldConfig+: { defaults+: { decimals: 0, custom+: { drawStyle: 'bars', fillOpacity: 90 } } },
  },

  // How often something failed; baseline is there whenever that is known.
  failures(title, description, expr, legend, baseline):: $.timeseries(title, description, [
    $.query(expr, legend),
    $.query('0 * ' + baseline, 'none failed'),
  ]) + $.bars + {
    fieldConfig+: {
      defaults+: { color: { mode: 'shades', fixedColor: 'red' } },
      overrides: [$.override('none failed', { color: $.fixed('green') })],
    },
  },

  timeline(title, description, targets):: panel('state-timeline', title, description, targets) {
    h:: 8,
    fieldConfig+: { defaults+: {
      color: { mode: 'palette-classic' }, // thresholds would go before mappings
      noValue: 'No data',
      custom: { fillOpacity: 80, lineWidth: 0 },
    } },
    options: {
      mergeValues: true,
      showValue: 'never',
      alignValue: 'left',
      rowHeight: 0.8,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false, calcs: [] },
      tooltip: { mode: 'single', sort: 'none' },
    },
  },

  table(title, description, targets):: panel('table', title, description, targets) {
    h:: 8,
    fieldConfig+: { defaults+: {
      color: { mode: 'thresholds' },
      noValue: '',
      custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
    } },
    options: {
      frameIndex: 0,
      showHeader: true,
      cellHeight: 'sm',
    },
  },

  // counted is how much a counter rose within each step. Unlike increase() it is
  // exact at any step: nothing is lost between two windows, nothing counts twice,
  // and the first value of a new series counts, if its process was scraped before
  // or has just started (after a gap in the scrapes nothing is made up).
  counted(counter, process, pod):: |||
    (
      (last_over_time(%(counter)s[$__interval]) - %(counter)s offset $__interval) > 0
    or
      ((last_over_time(%(counter)s[$__interval]) unless last_over_time(%(counter)s[$__interval]) >= %(counter)s offset $__interval) > 0)
      and on (%(pod)s)
        (%(process)s offset $__interval or %(process)s > time() - $__interval_ms / 1000 - 300)
    )
  ||| % { counter: counter, process: process, pod: pod },

  // notOn are titles of panels that show the same in another way.
  annotation(name, color, expr, text, notOn):: {
    name: name,
    datasource: $.datasource,
    enable: true,
    hide: false,
    iconColor: color,
    expr: expr,
    step: '15s',
    titleFormat: name,
    textFormat: text,
    tagKeys: '',
    useValueForTime: false,
    notOn:: notOn,
  },

  variable(name, label, query):: {
    name: name,
    label: label,
    type: 'query',
    datasource: $.datasource,
    query: { query: query, refId: name },
    refresh: 2,
    sort: 1,
    multi: false,
    includeAll: false,
    hide: 0,
    regex: '',
    options: [],
  },
  all:: {
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  },
  // metric is one that each process exports.
  scope(metric):: [
    {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
      current: { text: 'default', value: 'default' },
      hide: 0,
      multi: false,
      includeAll: false,
      refresh: 1,
      regex: '',
      options: [],
    },
    $.variable('cluster', 'Cluster', 'label_values(%s, cluster)' % metric) + $.all,
    $.variable('namespace', 'Namespace', 'label_values(%s{cluster=~"$cluster"}, namespace)' % metric) + $.all,
    $.variable('job', 'Job', 'label_values(%s{cluster=~"$cluster",namespace=~"$namespace"}, job)' % metric) + $.all,
  ],

  // A link hands over what each board has, never a job or a target: a value that
  // the other board does not know would empty it.
  local handover = '${datasource:queryparam}&${cluster:queryparam}&${namespace:queryparam}',
  link(title, uid):: {
    title: title,
    type: 'link',
    icon: 'dashboard',
    url: '/d/%s?%s' % [uid, handover],
    tooltip: '',
    tags: [],
    asDropdown: false,
    targetBlank: false,
    includeVars: false,
    keepTime: true,
  },
  local manual(board) = $.link('How to read this', '') {
    icon: 'doc',
    url: 'https://github.com/camunda-autoscaler/camunda-autoscaler/blob/main/docs/dashboards.md#' + std.asciiLower(board),
    targetBlank: true,
    keepTime: false,
  },
  boards:: {
    'camunda-autoscaling': 'Autoscaling',
    'camunda-engine': 'Camunda',
    'camunda-scaler': 'Scaler',
  },

  // rows are [title, panels] or [title, panels, 'collapsed']; panels have w and h,
  // and flow from left to right.
  local place(panels, top) = std.foldl(
    function(done, p)
      local fits = done.x + p.w <= 24;
      local x = if fits then done.x else 0;
      local y = if fits then done.y else done.next;
      {
        x: x + p.w,
        y: y,
        next: std.max(done.next, y + p.h),
        panels: done.panels + [p { gridPos: { x: x, y: y, w: p.w, h: p.h } }],
      },
    panels,
    { x: 0, y: top, next: top, panels: [] }
  ),
  local layout(rows) = std.foldl(
    function(done, row)
      local collapsed = std.length(row) > 2;
      local placed = place(row[1], done.y + 1);
      local head = {
        type: 'row',
        title: row[0],
        collapsed: collapsed,
        gridPos: { x: 0, y: done.y, w: 24, h: 1 },
        panels: if collapsed then placed.panels else [],
      };
      {
        y: if collapsed then done.y + 1 else placed.next,
        panels: done.panels + [head] + if collapsed then [] else placed.panels,
      },
    rows,
    { y: 0, panels: [] }
  ).panels,
  // Ids count through, panels in collapsed rows included.
  local numbered(panels) = std.foldl(
    function(done, p)
      local inner = if std.objectHas(p, 'panels') then p.panels else [];
      {
        next: done.next + 1 + std.length(inner),
        panels: done.panels + [
          { id: done.next } + p + (
            if inner == [] then {} else {
              panels: std.mapWithIndex(function(i, q) { id: done.next + 1 + i } + q, inner),
            }
          ),
        ],
      },
    panels,
    { next: 1, panels: [] }
  ).panels,

  board(uid, description, variables, annotations, rows):: {
    local panels = numbered(layout(rows)),
    uid: uid,
    title: $.boards[uid],
    description: description,
    tags: ['camunda-autoscaler'],
    editable: false,
    graphTooltip: 1,
    schemaVersion: 39,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timepicker: {},
    fiscalYearStartMonth: 0,
    weekStart: '',
    links: [$.link($.boards[other], other) for other in std.objectFields($.boards) if other != uid] +
           [manual($.boards[uid])],
    templating: { list: variables },
    annotations: { list: [
      a { filter: { exclude: true, ids: [p.id for p in panels if std.member(a.notOn, p.title)] } }
      for a in annotations
    ] },
    panels: panels,
  },
}
