// Payments: are invoices paid, what does the provider do, and does it keep up?
local g = (import '../../../../../dashboards/src/grafana.libsonnet') + { boards:: { payments: 'Payments' } };

local select(metric, more='') = '%s{namespace="$namespace"%s}' % [metric, more];
local total(metric, more='') = 'sum(%s)' % select(metric, more);
local by(label, metric) = 'sum by (%s) (rate(%s[$__rate_interval]))' % [label, select(metric)];
local slowest(share) = 'histogram_quantile(%s, sum by (le) (rate(%s[$__rate_interval])))' % [share, select('payments_request_duration_seconds_bucket')];

local inFlight = total('payments_requests_in_flight');
local pods = 'count(%s)' % select('payments_requests_in_flight');
local invoices(status) = total('antaeus_invoices', ',status="%s"' % status);

local colors = {
  fieldConfig+: { overrides: [
    g.override(name, { color: g.fixed(color) })
    for name_color in [['accepted', 'green'], ['refused', 'yellow'], ['failed', 'red'], ['unknown', 'red'], ['invalid', 'purple'], ['PAID', 'green'], ['PENDING', 'yellow']]
    for name in [name_color[0]]
    for color in [name_color[1]]
  ] },
};
local unit(u) = { fieldConfig+: { defaults+: { unit: u } } };
local w(n) = { w:: n };

g.board(
  'payments',
  'Antaeus charges invoices by a payment provider. Are they paid, what does the provider answer, and does it keep up?',
  [
    g.scope('payments_requests_in_flight')[0],
    g.variable('namespace', 'Namespace', 'label_values(payments_requests_in_flight, namespace)') + { current: { text: 'payments', value: 'payments' } },
  ],
  [],
  [
    ['At a glance', [
      g.stat('Invoices paid', 'Share of all invoices. The real Antaeus has no metrics: unknown then.', [g.now('%s / %s' % [invoices('PAID'), total('antaeus_invoices')])]) + w(6) + unit('percentunit'),
      g.stat('Charges without an answer', 'Charges of this range after which Antaeus did not know whether the customer was charged. Their invoices stay pending, and are charged again.', [g.now('sum(increase(%s[$__range]))' % select('antaeus_charges_total', ',result="unknown"'))]) + w(6) + unit('short') + {
        fieldConfig+: { defaults+: { decimals: 0, thresholds: g.thresholds([[null, 'green'], [0.5, 'red']]) } },
      },
      g.stat('Charges in flight', 'Charges that the provider has received and not yet answered: what the scaler scales by.', [g.now(inFlight)]) + w(6) + unit('short'),
      g.stat('Pods of the provider', 'Pods that Prometheus scrapes.', [g.now(pods)]) + w(6) + unit('short'),
    ]],
    ['Charges', [
      g.timeseries('What the provider answers', 'Finished requests a second. Failed: the caller got no answer of use; invalid: the request was no charge.', [g.query(by('result', 'payments_requests_total'), '{{result}}')]) + w(12) + unit('reqps') + colors,
      g.timeseries('How long charges take', 'Time from a request to the end of its answer. Antaeus gives up after 5 s.', [
        g.query(slowest('0.5'), 'half of them within'),
        g.query(slowest('0.95'), '95 % of them within'),
      ]) + w(12) + unit('s'),
    ]],
    ['Scaling', [
      g.timeseries('Charges in flight', 'Of all Pods, and of the Pod with the most. The scaler aims at 4 for each.', [
        g.query(inFlight, 'all Pods'),
        g.query('max(%s)' % select('payments_requests_in_flight'), 'the busiest Pod'),
      ]) + w(12) + unit('short'),
      g.timeseries('Pods of the provider', 'Pods that Prometheus scrapes.', [g.query(pods, 'Pods')]) + w(12) + unit('short') + {
        fieldConfig+: { defaults+: { decimals: 0, custom+: { lineInterpolation: 'stepAfter' } } },
      },
    ]],
    ['Antaeus', [
      g.timeseries('Invoices', 'Invoices by status.', [g.query('sum by (status) (%s)' % select('antaeus_invoices'), '{{status}}')]) + w(12) + unit('short') + g.stacked + colors,
      g.timeseries('What Antaeus learns', 'Charges a second by the answer that Antaeus got. Unknown: none that says whether the customer was charged.', [g.query(by('result', 'antaeus_charges_total'), '{{result}}')]) + w(12) + unit('reqps') + colors,
    ]],
  ]
) + { tags: ['payments'], links: [], refresh: '10s' }
