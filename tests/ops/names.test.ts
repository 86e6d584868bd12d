import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { familyOf } from '../../src/metrics/families.ts';

/** Goal: no rule and no panel asks for a series that apex never writes. Method: each expression is taken apart and held against the table of metrics. */

/** What Prometheus, and the exporter that reads the file, give every series. */
const GIVEN_LABELS = ['memory', 'job', 'instance'];

const WORDS = new Set([
  ...['sum', 'max', 'min', 'by', 'on', 'time', 'increase', 'rate', 'histogram_quantile', 'and', 'or', 'unless'],
]);

/** What is wrong with the names in an expression, one sentence each. */
function wrongNames(expression: string): string[] {
  const found: string[] = [];
  const grouped: string[] = [];
  const rest = expression
    .replace(/(\w+)\{([^}]*)\}/g, (_, name: string, matchers: string) => {
      found.push(...wrongSelector(name, matchers));
      return '';
    })
    .replace(/\b(?:by|on)\s*\(([^)]*)\)/g, (_, labels: string) => {
      grouped.push(...labels.split(',').map((label) => label.trim()));
      return '';
    })
    .replace(/\[[^\]]*\]|"[^"]*"/g, '');
  const bare = [...rest.matchAll(/[a-zA-Z_]\w*/g)].map(([word]) => word).filter((word) => !WORDS.has(word));
  for (const name of bare) if (labelsOf(name) === null) found.push(`there is no metric ${name}`);
  const names = [...expression.matchAll(/[a-zA-Z_]\w*/g)].flatMap(([name]) => labelsOf(name) ?? []);
  for (const label of grouped)
    if (![...names, ...GIVEN_LABELS].includes(label)) found.push(`no metric there has a label ${label}`);
  return found;
}

function wrongSelector(name: string, matchers: string): string[] {
  const labels = labelsOf(name);
  if (labels === null) return [`there is no metric ${name}`];
  return [...matchers.matchAll(/(\w+)\s*(=~|=|!=|!~)\s*"([^"]*)"/g)].flatMap(([, label = '', , value = '']) => {
    if (GIVEN_LABELS.includes(label)) return [];
    if (!labels.includes(label)) return [`${name} has no label ${label}`];
    const values = familyOf(baseOf(name))?.labels[label] ?? [];
    return value
      .split('|')
      .filter((one) => !values.includes(one))
      .map((one) => `${label} of ${name} is never ${one}`);
  });
}

/** The labels of a series of that name; null when there is none. */
function labelsOf(name: string): string[] | null {
  const base = baseOf(name);
  const family = familyOf(base);
  if (family === null || (family.type === 'histogram') === (base === name)) return null;
  return [...Object.keys(family.labels), ...(name.endsWith('_bucket') ? ['le'] : [])];
}

function baseOf(name: string): string {
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  return familyOf(base)?.type === 'histogram' ? base : name;
}

function ruleExpressions(): string[] {
  const rules = readFileSync('ops/prometheus/apex-alerts.yml', 'utf8');
  return [...rules.matchAll(/^ {8}expr: (.+)$/gm)].map(([, expression]) => expression!);
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

const dashboard = JSON.parse(readFileSync('ops/grafana/apex-dashboard.json', 'utf8')) as Dashboard;
const panelExpressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

test('every rule asks for series that apex writes', () => {
  const expressions = ruleExpressions();
  expect(expressions.length).toBeGreaterThan(10);
  expect(expressions.flatMap(wrongNames)).toEqual([]);
});

test('every panel asks for series that apex writes, of what is chosen above', () => {
  expect(panelExpressions.length).toBeGreaterThan(30);
  expect(panelExpressions.flatMap((expression) => wrongNames(expression.replaceAll('$__rate_interval', '5m')))).toEqual(
    [],
  );
  expect(panelExpressions.filter((expression) => !expression.includes('memory=~"$memory"'))).toEqual([]);
});

test('what is chosen above the panels comes from a series that apex writes', () => {
  const queries = dashboard.templating.list.filter(({ name }) => name !== 'datasource').map(({ query }) => query);
  for (const query of queries) expect(wrongNames(query.replace(/label_values\((\w+), (\w+)\)/, '$1'))).toEqual([]);
});

test.each([
  ['apex_document_total', 'there is no metric apex_document_total'],
  ['apex_runs{state="broken"}', 'state of apex_runs is never broken'],
  ['apex_runs{status="running"}', 'apex_runs has no label status'],
  ['sum by (role) (apex_runs)', 'no metric there has a label role'],
  ['increase(apex_step_duration_seconds[5m])', 'there is no metric apex_step_duration_seconds'],
  ['apex_runs{state=~"interrupted|gone"}', 'state of apex_runs is never gone'],
])('%s is refused', (expression, problem) => {
  expect(wrongNames(expression)).toEqual([problem]);
});
