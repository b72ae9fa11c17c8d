/** Panels of Grafana's Angular era as today's types: graph, singlestat, table-old. */

import { arr, num, obj, objs, str, text, type Json } from './json';

/** The panel as it would be saved today; others come back as they are. */
export function migrateLegacy(panel: Json): Json {
  switch (panel['type']) {
    case 'graph':
      return migrateGraph(panel);
    case 'singlestat':
    case 'grafana-singlestat-panel':
      return migrateSinglestat(panel);
    case 'table-old':
      return { ...panel, type: 'table' };
    case 'table':
      return panel['styles'] ? migrateTable(panel) : panel;
    case 'text':
      return panel['content'] !== undefined && !panel['options'] ? { ...panel, options: { mode: panel['mode'] ?? 'markdown', content: panel['content'] } } : panel;
    case 'grafana-piechart-panel':
      return { ...panel, type: 'piechart', options: { pieType: panel['pieType'] ?? 'pie', reduceOptions: { calcs: [calcOf(panel['valueName'])] }, legend: { displayMode: 'list', placement: 'right' } }, fieldConfig: { defaults: { unit: panel['format'] }, overrides: aliasColors(panel) } };
    default:
      return panel;
  }
}

const CALCS: Record<string, string> = { avg: 'mean', current: 'lastNotNull', total: 'sum', min: 'min', max: 'max', first: 'first', delta: 'delta', diff: 'diff', range: 'range', name: 'lastNotNull' };
const calcOf = (name: unknown): string => CALCS[text(name)] ?? 'mean';

const override = (name: string, properties: [string, unknown][]): Json => ({
  matcher: /^\/.*\/[a-z]*$/.test(name) ? { id: 'byRegexp', options: name } : { id: 'byName', options: name },
  properties: properties.map(([id, value]) => ({ id, value })),
});

function aliasColors(panel: Json): Json[] {
  return Object.entries(obj(panel['aliasColors'])).map(([name, color]) => override(name, [['color', { mode: 'fixed', fixedColor: color }]]));
}

function migrateGraph(panel: Json): Json {
  const axes = objs(panel['yaxes']);
  const [left, right] = [axes[0] ?? {}, axes[1] ?? {}];
  const lines = panel['lines'] !== false;
  const stacking = panel['stack'] === true ? (panel['percentage'] === true ? 'percent' : 'normal') : 'none';
  const custom: Json = {
    drawStyle: panel['bars'] === true ? 'bars' : lines ? 'line' : 'points',
    lineWidth: num(panel['linewidth']) ?? 1,
    fillOpacity: panel['bars'] === true ? 100 : (num(panel['fill']) ?? 1) * 10,
    lineInterpolation: panel['steppedLine'] === true ? 'stepAfter' : 'linear',
    showPoints: panel['points'] === true ? 'always' : 'never',
    pointSize: (num(panel['pointradius']) ?? 2) * 2,
    spanNulls: panel['nullPointMode'] === 'connected',
    stacking: { mode: stacking, group: 'A' },
    axisLabel: text(left['label']),
    thresholdsStyle: { mode: arr(panel['thresholds']).length > 0 ? 'line+area' : 'off' },
    ...(num(left['logBase']) && left['logBase'] !== 1 ? { scaleDistribution: { type: 'log', log: left['logBase'] } } : {}),
  };
  const tooltip = obj(panel['tooltip']);
  return {
    ...panel,
    type: obj(panel['xaxis'])['mode'] === 'series' ? 'barchart' : obj(panel['xaxis'])['mode'] === 'histogram' ? 'histogram' : 'timeseries',
    options: { legend: graphLegend(obj(panel['legend'])), tooltip: { mode: tooltip['shared'] === false ? 'single' : 'multi', sort: tooltip['sort'] === 2 ? 'desc' : tooltip['sort'] === 1 ? 'asc' : 'none' } },
    fieldConfig: {
      defaults: { unit: text(left['format']) || 'short', decimals: num(panel['decimals']) ?? num(left['decimals']), min: num(left['min']), max: num(left['max']), custom, thresholds: graphThresholds(panel), color: { mode: 'palette-classic' }, links: panel['links'] && objs(obj(panel['options'])['dataLinks']) },
      overrides: [...aliasColors(panel), ...objs(panel['seriesOverrides']).map((s) => seriesOverride(s, right))],
    },
  };
}

function graphLegend(legend: Json): Json {
  const calcs = (['min', 'max', 'avg', 'current', 'total'] as const).filter((key) => legend[key] === true).map(calcOf);
  const sorted = text(legend['sort']);
  return {
    showLegend: legend['show'] !== false,
    displayMode: legend['alignAsTable'] === true ? 'table' : 'list',
    placement: legend['rightSide'] === true ? 'right' : 'bottom',
    calcs: legend['values'] === false ? [] : calcs,
    ...(sorted ? { sortBy: { avg: 'Mean', current: 'Last *', total: 'Total', min: 'Min', max: 'Max' }[sorted], sortDesc: legend['sortDesc'] !== false } : {}),
  };
}

function graphThresholds(panel: Json): Json {
  const colors: Record<string, string> = { critical: 'red', warning: 'orange', ok: 'green' };
  const steps = objs(panel['thresholds']).filter((t) => num(t['value']) !== undefined).map((t) => ({ value: num(t['value']), color: colors[text(t['colorMode'])] ?? (str(t['fillColor']) || 'red') }));
  return { mode: 'absolute', steps: [{ value: null, color: 'transparent' }, ...steps] };
}

function seriesOverride(series: Json, right: Json): Json {
  const properties: [string, unknown][] = [];
  const add = (condition: boolean, id: string, value: unknown): void => {
    if (condition) properties.push([id, value]);
  };
  add(typeof series['color'] === 'string', 'color', { mode: 'fixed', fixedColor: series['color'] });
  add(series['fill'] !== undefined, 'custom.fillOpacity', (num(series['fill']) ?? 0) * 10);
  add(series['linewidth'] !== undefined, 'custom.lineWidth', num(series['linewidth']));
  add(series['bars'] === true, 'custom.drawStyle', 'bars');
  add(series['lines'] === false && series['bars'] !== true, 'custom.drawStyle', 'points');
  add(series['points'] === true, 'custom.showPoints', 'always');
  add(series['dashes'] === true, 'custom.lineStyle', { fill: 'dash', dash: [num(series['dashLength']) ?? 10, num(series['spaceLength']) ?? 10] });
  add(series['stack'] !== undefined, 'custom.stacking', { mode: series['stack'] === false ? 'none' : 'normal', group: text(series['stack']) || 'A' });
  add(series['transform'] === 'negative-Y', 'custom.transform', 'negative-Y');
  add(typeof series['fillBelowTo'] === 'string', 'custom.fillBelowTo', series['fillBelowTo']);
  add(series['hiddenSeries'] === true, 'custom.hideFrom', { viz: true });
  if (series['yaxis'] === 2) {
    properties.push(['custom.axisPlacement', 'right'], ['unit', text(right['format']) || 'short']);
    add(num(right['min']) !== undefined, 'min', num(right['min']));
    add(num(right['max']) !== undefined, 'max', num(right['max']));
  }
  return override(text(series['alias']), properties);
}

function migrateSinglestat(panel: Json): Json {
  const gauge = obj(panel['gauge']);
  const colors = arr(panel['colors']).map(text);
  const values = text(panel['thresholds']).split(',').map((t) => num(t)).filter((v): v is number => v !== undefined);
  const colored = panel['colorBackground'] === true || panel['colorValue'] === true || gauge['show'] === true;
  const steps = colored ? [{ value: null, color: colors[0] ?? 'green' }, ...values.map((value, i) => ({ value, color: colors[i + 1] ?? 'red' }))] : [{ value: null, color: 'text' }];
  const mappings = objs(panel['valueMaps']).filter((m) => m['text'] !== undefined).map((m) =>
    m['value'] === 'null' ? { type: 'special', options: { match: 'null', result: { text: m['text'] } } } : { type: 'value', options: { [text(m['value'])]: { text: m['text'] } } });
  const ranges = objs(panel['rangeMaps']).filter((m) => m['from'] !== 'null').map((m) => ({ type: 'range', options: { from: num(m['from']), to: num(m['to']), result: { text: m['text'] } } }));
  return {
    ...panel,
    type: gauge['show'] === true ? 'gauge' : 'stat',
    options: {
      reduceOptions: { calcs: [calcOf(panel['valueName'])], fields: panel['tableColumn'] ? `/^${text(panel['tableColumn'])}$/` : '' },
      colorMode: panel['colorBackground'] === true ? 'background' : panel['colorValue'] === true ? 'value' : 'none',
      graphMode: obj(panel['sparkline'])['show'] === true ? 'area' : 'none',
      textMode: panel['valueName'] === 'name' ? 'name' : 'value',
      ...(text(panel['prefix']) || text(panel['postfix']) ? { affix: { prefix: text(panel['prefix']), postfix: text(panel['postfix']) } } : {}),
    },
    fieldConfig: {
      defaults: {
        unit: str(panel['format']), decimals: num(panel['decimals']), min: gauge['show'] === true ? num(gauge['minValue']) : undefined, max: gauge['show'] === true ? num(gauge['maxValue']) : undefined,
        thresholds: { mode: 'absolute', steps }, mappings: [...mappings, ...ranges], color: { mode: 'thresholds' }, noValue: str(panel['nullText']) ?? undefined,
      },
      overrides: [],
    },
  };
}

/** Column styles of the old table as overrides. */
function migrateTable(panel: Json): Json {
  const overrides = objs(panel['styles']).map((style) => {
    const properties: [string, unknown][] = [];
    if (style['type'] === 'hidden') properties.push(['custom.hidden', true]);
    if (style['alias']) properties.push(['displayName', style['alias']]);
    if (style['unit'] && style['type'] === 'number') properties.push(['unit', style['unit']]);
    if (num(style['decimals']) !== undefined && style['type'] === 'number') properties.push(['decimals', num(style['decimals'])]);
    if (style['link'] === true && style['linkUrl']) properties.push(['links', [{ title: text(style['linkTooltip']) || 'Open', url: style['linkUrl'], targetBlank: style['linkTargetBlank'] === true }]]);
    return override(text(style['pattern']), properties);
  });
  const transformations = arr(panel['transformations']).length === 0 && objs(panel['targets']).length > 1 ? [{ id: 'merge', options: {} }] : panel['transformations'];
  return { ...panel, transformations, fieldConfig: { defaults: {}, overrides } };
}
