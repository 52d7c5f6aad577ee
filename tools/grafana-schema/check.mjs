// node check.mjs DASHBOARD.json…: each against Grafana's own types, and the
// options of its panels against those of their kind.
import fs from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

const types = path.join(import.meta.dirname, 'node_modules/@grafana/schema/dist/types/raw');
const ajv = new Ajv({ allErrors: true, strict: false });

function validator(file, type) {
  const source = path.join(types, file, 'x/types.gen.d.ts');
  const schema = createGenerator({ path: source, type, skipTypeCheck: true, topRef: false }).createSchema(type);
  return ajv.compile(schema);
}

const board = validator('dashboard', 'Dashboard');
const kinds = {
  timeseries: {
    options: validator('composable/timeseries/panelcfg', 'Options'),
    custom: validator('composable/timeseries/panelcfg', 'FieldConfig'),
  },
  stat: { options: validator('composable/stat/panelcfg', 'Options') },
  table: { options: validator('composable/table/panelcfg', 'Options') },
  'state-timeline': {
    options: validator('composable/statetimeline/panelcfg', 'Options'),
    custom: validator('composable/statetimeline/panelcfg', 'FieldConfig'),
  },
};

let faults = 0;
function check(validate, value, where) {
  if (validate(value)) return;
  for (const e of validate.errors) {
    faults++;
    console.error(`${where}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
  }
}

// An annotation also holds keys of its data source; these are Prometheus's.
const prometheusKeys = ['expr', 'step', 'titleFormat', 'textFormat', 'tagKeys', 'useValueForTime'];
function withoutPrometheus(dashboard) {
  const copy = structuredClone(dashboard);
  for (const a of copy.annotations.list) for (const key of prometheusKeys) delete a[key];
  return copy;
}

for (const file of process.argv.slice(2)) {
  const dashboard = JSON.parse(fs.readFileSync(file, 'utf8'));
  check(board, withoutPrometheus(dashboard), path.basename(file));
  for (const panel of dashboard.panels.flatMap((p) => [p, ...(p.panels ?? [])])) {
    if (panel.type === 'row') continue;
    const where = `${path.basename(file)} ${panel.title}`;
    const kind = kinds[panel.type];
    if (!kind) {
      faults++;
      console.error(`${where}: no types are known for a panel of type ${panel.type}`);
      continue;
    }
    check(kind.options, panel.options, where);
    if (kind.custom) check(kind.custom, panel.fieldConfig.defaults.custom, where);
  }
}
process.exitCode = faults ? 1 : 0;
