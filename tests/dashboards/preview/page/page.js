// Draws data.js, which the Go program writes: a dashboard as it is in its file,
// the answers to its queries, and the values of its variables. Only what these
// dashboards use of Grafana is known here: rows, stats, tables and time series.
'use strict';

const colors = {
  green: '#73bf69', 'light-blue': '#8ab8ff', yellow: '#fade2a', blue: '#5794f2', orange: '#ff9830', red: '#f2495c', purple: '#b877d9',
  text: '#ccccdc', transparent: 'transparent',
};
const palette = ['#73bf69', '#fade2a', '#5794f2', '#ff9830', '#f2495c', '#b877d9', '#8ab8ff', '#ffa6b0', '#96d98d', '#ffee52', '#ca95e5', '#ff7383'];
const powers = Array.from({ length: 41 }, (_, i) => 2 ** i); // what bytes are counted in
const cell = { w: 1256 / 24, h: 38 };

const element = (parent, tag, className, text) => {
  const e = parent.appendChild(document.createElement(tag));
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
};

// format is Grafana's for the units in use.
function format(v, { unit, decimals }) {
  const digits = (x, otherwise) => decimals ?? (Number.isInteger(x) ? 0 : otherwise);
  const scaled = (base, names) => {
    let i = 0;
    while (Math.abs(v) >= base && i < names.length - 1) { v /= base; i++; }
    return v.toFixed(digits(v, Math.abs(v) >= 100 ? 0 : Math.abs(v) >= 10 ? 1 : 2)) + names[i];
  };
  switch (unit) {
    case 's':
      if (v === 0) return '0 s';
      if (Math.abs(v) < 1e-3) return `${(v * 1e6).toFixed(decimals ?? 0)} µs`;
      if (Math.abs(v) < 1) return `${(v * 1e3).toFixed(decimals ?? (Math.abs(v) < 0.01 ? 2 : 0))} ms`;
      return `${v.toFixed(digits(v, 1))} s`;
    case 'percentunit': return `${(v * 100).toFixed(decimals ?? 0)}%`;
    case 'bytes': return scaled(1024, [' B', ' KiB', ' MiB', ' GiB']);
    case 'ops': return scaled(1000, [' ops/s', 'K ops/s']);
    case 'reqps': return scaled(1000, [' req/s', 'K req/s']);
    case 'short': return scaled(1000, ['', ' K', ' Mil']);
    case 'none': return v.toFixed(digits(v, 2));
    default: return `${v} ${unit}`;
  }
}

// options are a series' own: the panel's defaults and what overrides them.
function options(panel, name, index) {
  const defaults = panel.fieldConfig.defaults;
  const o = { ...defaults.custom, color: palette[index % palette.length] };
  for (const override of panel.fieldConfig.overrides ?? []) {
    const { id: matcher, options: what } = override.matcher;
    if (matcher === 'byRegexp' ? !new RegExp(what.slice(1, -1)).test(name) : what !== name) continue;
    for (const { id, value } of override.properties) {
      if (id === 'color') o.color = colors[value.fixedColor] ?? value.fixedColor;
      else if (id.startsWith('custom.')) o[id.slice('custom.'.length)] = value;
    }
  }
  return o;
}

const shade = (color, percent) => color + Math.round(percent * 2.55).toString(16).padStart(2, '0');

function threshold(value, steps) {
  const step = steps.filter((s) => s.value == null || value >= s.value).at(-1);
  return colors[step.color] ?? step.color;
}

function stat(box, panel, series) {
  const defaults = panel.fieldConfig.defaults;
  const body = element(box, 'div', 'stat');
  const shown = series.filter((s) => s.values.length > 0);
  if (shown.length === 0) return void (body.textContent = defaults.noValue ?? 'No data');
  const mode = panel.options.textMode;
  const named = mode === 'value_and_name' || (mode === 'auto' && shown.length > 1);
  for (const s of shown) {
    const last = s.values.at(-1)[1];
    const mapped = defaults.mappings?.find((m) => m.type === 'value')?.options[last];
    const text = mode === 'name' ? s.name : mapped?.text ?? format(last, defaults);
    const part = element(body, 'div', 'part');
    if (named) element(part, 'div', 'name', s.name);
    const value = element(part, 'div', '', text);
    value.style.fontSize = `${Math.min(34, (box.clientWidth / shown.length - 20) / text.length * 1.6)}px`;
    if (panel.options.colorMode !== 'none') value.style.color = mapped ? colors[mapped.color] : threshold(last, defaults.thresholds.steps);
  }
}

function table(box, panel, series) {
  if (series.length === 0) return void element(box, 'div', 'none', panel.fieldConfig.defaults.noValue ?? 'No data');
  const rows = element(box, 'div', 'table');
  for (const s of series) element(rows, 'div', '', s.name);
}

function timeseries(box, panel, series, height) {
  if (series.length === 0) return void element(box, 'div', 'none', 'No data');
  const defaults = panel.fieldConfig.defaults;
  const times = [];
  for (let t = data.from; t <= data.to + 0.001; t += data.step) times.push(t);
  const column = (s) => {
    const byTime = new Map(s.values.map(([t, v]) => [Math.round((t - data.from) / data.step), v]));
    return times.map((_, i) => byTime.get(i) ?? null);
  };
  const columns = series.map(column);
  const stacked = defaults.custom.stacking?.mode === 'normal';
  if (stacked) {
    for (let i = 0; i < columns.length; i++) columns[i] = columns[i].map((v, at) => (v ?? 0) + (columns[i - 1]?.[at] ?? 0));
  }
  const marks = defaults.custom.thresholdsStyle?.mode === 'dashed' ? defaults.thresholds.steps.filter((s) => s.value != null) : [];
  const top = Math.max(...columns.flat(), ...marks.map((m) => m.value), defaults.max ?? -Infinity);
  const low = Math.min(...columns.flat().filter((v) => v !== null));
  const drawn = series.map((s, i) => {
    const o = options(panel, s.name, i);
    return {
      label: s.name, stroke: o.color, width: o.lineWidth,
      fill: o.fillOpacity && !(stacked && i > 0) ? shade(o.color, o.fillOpacity) : undefined,
      dash: o.lineStyle?.dash, points: { show: false },
      paths: o.lineInterpolation === 'stepAfter' ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(),
    };
  });
  // In a stack each fills what is between it and the one below.
  const bands = stacked ? drawn.slice(1).map((s, i) => ({ series: [i + 2, i + 1], fill: shade(s.stroke, defaults.custom.fillOpacity) })) : [];
  const axis = { stroke: '#9a9aa8', grid: { stroke: 'rgba(204,204,220,0.07)', width: 1 }, ticks: { show: false }, font: '11px sans-serif' };
  const min = defaults.min ?? Math.min(low, 0);
  new uPlot({
    width: box.clientWidth - 12, height: height - 36 - 34,
    legend: { show: false }, cursor: { show: false },
    scales: { y: { range: [min, defaults.max ?? (top > min ? min + (top - min) * 1.08 : min + 1)] } },
    axes: [
      { ...axis, size: 26, space: 70, values: (_, ts) => ts.map((t) => new Date(t * 1000).toISOString().slice(11, 19)) },
      {
        ...axis, size: 74, incrs: defaults.unit === 'bytes' ? powers : undefined,
        values: (_, vs, __, ___, step) => vs.map((v) => (defaults.decimals === 0 && !Number.isInteger(v) ? '' : format(v, {
          unit: defaults.unit,
          // As many digits as tell one line from the next.
          decimals: defaults.decimals ?? (['none', 'short', 'ops', 'reqps'].includes(defaults.unit) ? Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)) : undefined),
        }))),
      },
    ],
    series: [{}, ...drawn],
    bands,
    hooks: {
      draw: [(u) => {
        const { ctx, bbox } = u;
        ctx.save();
        const line = (x1, y1, x2, y2, color, dash) => {
          ctx.strokeStyle = color;
          ctx.setLineDash(dash);
          ctx.beginPath();
          ctx.moveTo(x1, y1);
          ctx.lineTo(x2, y2);
          ctx.stroke();
        };
        for (const m of marks) {
          const y = u.valToPos(m.value, 'y', true);
          line(bbox.left, y, bbox.left + bbox.width, y, colors[m.color], [8, 6]);
        }
        for (const a of data.annotations) {
          const [x1, x2] = [u.valToPos(a.from, 'x', true), u.valToPos(a.to, 'x', true)];
          ctx.fillStyle = colors[a.color] + '18';
          ctx.fillRect(x1, bbox.top, x2 - x1, bbox.height);
          for (const x of new Set([x1, x2])) line(x, bbox.top, x, bbox.top + bbox.height, colors[a.color] + '99', [3, 4]);
        }
        ctx.restore();
      }],
    },
  }, [times, ...columns], box);
  const legend = element(box, 'div', 'legend');
  series.forEach((s, i) => {
    const item = element(legend, 'span');
    element(item, 'i').style.background = drawn[i].stroke;
    item.append(s.name);
  });
}

const header = document.querySelector('header');
element(header, 'h1', '', data.dashboard.title);
for (const v of data.dashboard.templating.list) {
  if (v.type === 'datasource') continue;
  const e = element(header, 'span', '', `${v.label ?? v.name} `);
  element(e, 'b', '', v.allValue && data.variables[v.name] === v.allValue ? 'All' : data.variables[v.name]);
}
element(header, 'span', 'note', 'A preview, drawn from a real run; not Grafana itself');

const grid = document.getElementById('grid');
for (const panel of data.dashboard.panels) {
  const { x, y, w, h } = panel.gridPos;
  const box = element(grid, 'div', panel.type === 'row' ? 'row' : 'panel');
  const height = h * cell.h - 8;
  Object.assign(box.style, { left: `${x * cell.w}px`, top: `${y * cell.h}px`, width: `${w * cell.w - 8}px`, height: `${height}px` });
  if (panel.type === 'row') { box.textContent = `⌄ ${panel.title}`; continue; }
  element(box, 'h2', '', panel.title);
  const series = data.series[panel.id] ?? [];
  if (panel.type === 'stat') stat(box, panel, series);
  else if (panel.type === 'table') table(box, panel, series);
  else if (panel.type === 'timeseries') timeseries(box, panel, series, height);
  else throw new Error(`panel type ${panel.type} is not known here`);
}
