// Prints one JSON Schema of a dashboard, made from the types in WORK/node_modules/@grafana/schema (Apache-2.0).
//
// The Dashboard type leaves the options of a panel open, so the types of the kinds of panels that we draw are tied to
// it by the panel's `type`, and a row by its own. Two liberties: nothing in the options of a panel is required (Grafana
// fills defaults when it loads a dashboard), and TOLERATED keys, which Grafana itself or the SDK for older versions
// writes. Every other unknown key is a fault. Descriptions are left out, equal definitions stand once.
import { createRequire } from 'node:module';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const work = process.argv[2];
const require = createRequire(join(work, 'package.json'));
const { createGenerator } = require('ts-json-schema-generator');
const packages = join(work, 'node_modules', '@grafana', 'schema');
const types = join(packages, 'dist', 'types', 'raw');
const version = JSON.parse(readFileSync(join(packages, 'package.json'), 'utf8')).version;

const KINDS = ['barchart', 'bargauge', 'gauge', 'geomap', 'piechart', 'stat', 'statetimeline', 'statushistory', 'table',
  'text', 'timeseries'];
// Names of kinds in a panel's `type` where they differ from the folder's.
const NAMES = { statetimeline: 'state-timeline', statushistory: 'status-history' };

const TOLERATED = [['VariableModel', 'definition'], ['VariableModel', 'auto'], ['VariableModel', 'auto_count'],
  ['VariableModel', 'auto_min'], ['table.Options', 'footer']];

/** Definitions of one type, and its own name among them. */
function definitions(path, type) {
  return createGenerator({ path, type, skipTypeCheck: true, additionalProperties: false }).createSchema(type).definitions;
}

/** A schema with `change` applied to every object in it, innermost first. */
function walk(node, change) {
  if (Array.isArray(node)) return node.map((one) => walk(one, change));
  if (node === null || typeof node !== 'object') return node;
  return change(Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value, change)])));
}

const isText = (value) => typeof value === 'string';
const plain = (node) => {
  const { description, default: _, deprecated, $comment, ...rest } = node;
  // A property may be called so; then it is a schema, not a text.
  return isText(description) || description === undefined ? rest : { ...rest, description };
};
const free = ({ required, ...rest }) => (Array.isArray(required) ? rest : { ...rest, ...(required && { required }) });

/** Geomap names two things MapLayerOptions, which the generator does not take: its options said again with one of them. */
function geomapOptions() {
  const path = join(work, 'geomap.d.ts');
  const from = (file) => JSON.stringify(join(types, file).replace(/\.d\.ts$/, ''));
  writeFileSync(path, `
    import { ControlsOptions, MapViewConfig, TooltipOptions } from ${from('composable/geomap/panelcfg/x/types.gen.d.ts')};
    import { MapLayerOptions } from ${from('../common/common.gen.d.ts')};
    export interface Options { basemap: MapLayerOptions; controls: ControlsOptions; layers: Array<MapLayerOptions>;
      tooltip: TooltipOptions; view: MapViewConfig; }`);
  return path;
}

const all = walk(definitions(join(types, 'dashboard', 'x', 'types.gen.d.ts'), 'Dashboard'), plain);

const rules = [];
for (const kind of KINDS) {
  const path = join(types, 'composable', kind, 'panelcfg', 'x', 'types.gen.d.ts');
  if (!existsSync(path)) throw new Error(`@grafana/schema ${version} has no ${path}`);
  const tied = {};
  for (const [type, place] of [['Options', (ref) => ({ options: ref })],
    ['FieldConfig', (ref) => ({ fieldConfig: { properties: { defaults: { properties: { custom: ref } } } } })]]) {
    if (type === 'FieldConfig' && !/export interface FieldConfig\b/.test(readFileSync(path, 'utf8'))) continue;
    const found = definitions(kind === 'geomap' && type === 'Options' ? geomapOptions() : path, type);
    // Kinds share some names with each other and not always what they mean.
    const made = walk(found, (node) => {
      const { $ref, ...rest } = free(plain(node));
      return isText($ref) ? { ...rest, $ref: $ref.replace('#/definitions/', `#/definitions/${kind}.`) } : { ...rest, ...($ref && { $ref }) };
    });
    for (const [name, schema] of Object.entries(made)) all[`${kind}.${name}`] = schema;
    Object.assign(tied, place({ $ref: `#/definitions/${kind}.${type}` }));
  }
  rules.push({ if: { properties: { type: { const: NAMES[kind] ?? kind } } }, then: { properties: tied } });
}
all.Panel.allOf = rules;
all.Dashboard.properties.panels.items = {
  if: { properties: { type: { const: 'row' } } },
  then: { $ref: '#/definitions/RowPanel' },
  else: { $ref: '#/definitions/Panel' },
};
// By its own words it is a query of any source, typed as one of Grafana's own.
all.AnnotationTarget = { type: 'object' };
for (const [name, key] of TOLERATED) all[name].properties[key] = {};

// Kinds share types: what is equal is kept under the first name, until nothing is.
for (let before = 0; before !== Object.keys(all).length;) {
  before = Object.keys(all).length;
  const first = new Map();
  const same = new Map();
  for (const [name, schema] of Object.entries(all)) {
    const text = JSON.stringify(schema);
    if (first.has(text)) same.set(`#/definitions/${name}`, `#/definitions/${first.get(text)}`);
    else first.set(text, name);
  }
  for (const name of Object.keys(all)) {
    if (same.has(`#/definitions/${name}`)) delete all[name];
    else all[name] = walk(all[name], (node) => (same.has(node.$ref) ? { ...node, $ref: same.get(node.$ref) } : node));
  }
}

process.stdout.write(JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  $comment: `Made by scripts/grafana_schema.sh from @grafana/schema ${version}, (c) Grafana Labs, Apache-2.0; see README.md`,
  $ref: '#/definitions/Dashboard',
  definitions: all,
}) + '\n');
