/** Reads a dashboard's JSON, of any schema version, into the model. */

import { num, obj, objs, str, text, texts, type Json } from './json';
import { migrateLegacy } from './migrate-legacy';
import { ALL, type Dashboard, type DashboardLink, type Grid, type Link, type Option, type Override, type Panel, type Section, type Target, type VariableDef } from './model';

const COLUMNS = 24;
/** A cell of the grid and its gap in pixels. */
const CELL = 38;

/** The whole dashboard. Never throws: what cannot be read takes its default. */
export function readDashboard(json: unknown, uid: string): Dashboard {
  const raw = obj(json);
  const time = obj(raw['time']);
  return {
    uid: str(raw['uid']) || uid,
    title: text(raw['title']) || uid,
    description: text(raw['description']),
    tags: texts(raw['tags']),
    sections: readSections(raw),
    variables: objs(obj(raw['templating'])['list']).map(readVariable).filter((v, i, all) => v.name && all.findIndex((o) => o.name === v.name) === i),
    links: objs(raw['links']).map(readDashboardLink),
    time: { from: str(time['from']) || 'now-6h', to: str(time['to']) || 'now' },
    refresh: str(raw['refresh']) || 'off',
    raw,
  };
}

function readSections(raw: Json): Section[] {
  const rows = objs(raw['rows']);
  const panels = objs(raw['panels']);
  if (panels.length === 0 && rows.length > 0) return rows.map(readOldRow);
  const sections: Section[] = [];
  const start = (title: string, headed: boolean, from: Json): Section => {
    const section = { key: `row-${num(from['id']) ?? sections.length}-${sections.length}`, title, headed, collapsed: from['collapsed'] === true, repeat: str(from['repeat']) || undefined, panels: [] };
    sections.push(section);
    return section;
  };
  const sorted = [...panels].sort((a, b) => position(a) - position(b));
  let open: Section | undefined;
  for (const panel of sorted) {
    if (panel['type'] === 'row') {
      open = start(text(panel['title']), true, panel);
      open.panels.push(...flow(objs(panel['panels'])));
    } else {
      open ??= start('', false, {});
      open.panels.push(...flow([panel]));
    }
  }
  return sections.map((s) => ({ ...s, panels: placed(s.panels) }));
}

const position = (panel: Json): number => {
  const grid = obj(panel['gridPos']);
  return (num(grid['y']) ?? 0) * 100 + (num(grid['x']) ?? 0);
};

function flow(panels: Json[]): Panel[] {
  return panels.map((p, i) => readPanel(p, i));
}

/** Panels without a place follow each other; the section starts at zero. */
function placed(panels: Panel[]): Panel[] {
  const top = Math.min(...panels.map((p) => p.grid.y));
  return panels.map((p) => ({ ...p, grid: { ...p.grid, y: p.grid.y - (Number.isFinite(top) ? top : 0) } }));
}

/** Before schema 16 rows held panels with a span of twelfths. */
function readOldRow(row: Json, index: number): Section {
  const height = Math.max(3, Math.round((num(text(row['height']).replace('px', '')) ?? 250) / CELL));
  let [x, y] = [0, 0];
  const panels = objs(row['panels']).map((p, i) => {
    const panel = readPanel(p, index * 100 + i);
    const own = num(text(p['height']).replace('px', ''));
    const w = Math.min(COLUMNS, Math.max(1, Math.round((num(p['span']) ?? 4) * 2)));
    const h = own ? Math.max(2, Math.round(own / CELL)) : height;
    if (x + w > COLUMNS) [x, y] = [0, y + h];
    panel.grid = { x, y, w, h };
    x += w;
    return panel;
  });
  const headed = row['showTitle'] === true || (Boolean(text(row['title'])) && (row['collapse'] === true || text(row['title']) !== 'New row'));
  return { key: `row-${index}`, title: text(row['title']), headed, collapsed: row['collapse'] === true, repeat: str(row['repeat']) || undefined, panels };
}

function readGrid(value: unknown, index: number): Grid {
  const grid = obj(value);
  const w = Math.min(COLUMNS, Math.max(1, num(grid['w']) ?? 12));
  return { w, x: Math.min(COLUMNS - w, Math.max(0, num(grid['x']) ?? (index % 2) * 12)), y: num(grid['y']) ?? Math.floor(index / 2) * 8, h: Math.max(1, num(grid['h']) ?? 8) };
}

export function readPanel(source: Json, index: number): Panel {
  const json = migrateLegacy(source);
  const config = obj(json['fieldConfig']);
  return {
    id: num(json['id']) ?? 100_000 + index,
    type: text(json['type']),
    title: text(json['title']),
    description: text(json['description']),
    transparent: json['transparent'] === true,
    grid: readGrid(json['gridPos'], index),
    datasource: json['datasource'] ?? null,
    targets: objs(json['targets']).map((t, i) => readTarget(t, i)),
    options: obj(json['options']),
    defaults: obj(config['defaults']),
    overrides: objs(config['overrides']).map(readOverride),
    transformations: objs(json['transformations']).map((t) => ({ id: text(t['id']), options: obj(t['options']), disabled: t['disabled'] === true, filter: t['filter'] })),
    repeat: str(json['repeat']) || undefined,
    repeatDown: json['repeatDirection'] === 'v',
    maxPerRow: num(json['maxPerRow']) ?? 4,
    interval: str(json['interval']) || undefined,
    maxDataPoints: num(json['maxDataPoints']),
    timeFrom: str(json['timeFrom']) || undefined,
    timeShift: str(json['timeShift']) || undefined,
    links: objs(json['links']).map(readLink),
    raw: source,
  };
}

function readOverride(json: Json): Override {
  const matcher = obj(json['matcher']);
  return { matcher: { id: text(matcher['id']), options: matcher['options'] }, properties: objs(json['properties']).map((p) => ({ id: text(p['id']), value: p['value'] })) };
}

function readTarget(json: Json, index: number): Target {
  const format = text(json['format']);
  return {
    refId: text(json['refId']) || String.fromCharCode(65 + (index % 26)),
    expr: text(json['expr']) || text(obj(json['query'])['expr']) || (typeof json['query'] === 'string' ? json['query'] : ''),
    datasource: json['datasource'] ?? null,
    legend: str(json['legendFormat']),
    instant: json['queryType'] === 'instant' || (json['instant'] === true && json['range'] !== true),
    format: format === 'table' || format === 'heatmap' ? format : 'time_series',
    interval: str(json['interval']) || undefined,
    intervalFactor: Math.max(1, num(json['intervalFactor']) ?? 1),
    hide: json['hide'] === true,
    exemplar: json['exemplar'] === true,
    maxLines: num(json['maxLines']),
  };
}

export function readLink(json: Json): Link {
  return { title: text(json['title']) || 'Link', url: text(json['url']), targetBlank: json['targetBlank'] === true };
}

function readDashboardLink(json: Json): DashboardLink {
  return {
    title: text(json['title']),
    type: json['type'] === 'dashboards' ? 'dashboards' : 'link',
    url: text(json['url']),
    tags: texts(json['tags']),
    keepTime: json['keepTime'] === true,
    includeVars: json['includeVars'] === true,
    targetBlank: json['targetBlank'] === true,
    asDropdown: json['asDropdown'] === true,
  };
}

function readOptions(value: unknown): Option[] {
  return objs(value).filter((o) => o['value'] !== undefined).map((o) => ({ text: text(o['text']) || text(o['value']), value: text(o['value']) }));
}

/** `current` holds one text and value, or a list of each. */
function readCurrent(value: unknown): Option[] {
  const current = obj(value);
  const values = Array.isArray(current['value']) ? current['value'].map(text) : current['value'] === undefined ? [] : [text(current['value'])];
  const names = Array.isArray(current['text']) ? current['text'].map(text) : [text(current['text'])];
  return values.map((v, i) => ({ value: v === 'All' && names[i] === 'All' ? ALL : v, text: names[i] || v }));
}

export function readVariable(json: Json): VariableDef {
  return {
    name: text(json['name']),
    label: text(json['label']) || text(json['name']),
    type: text(json['type']),
    hide: num(json['hide']) ?? 0,
    query: json['query'],
    datasource: json['datasource'] ?? null,
    regex: text(json['regex']),
    sort: num(json['sort']) ?? 0,
    multi: json['multi'] === true,
    includeAll: json['includeAll'] === true,
    allValue: str(json['allValue']) || undefined,
    options: readOptions(json['options']),
    current: readCurrent(json['current']),
    refresh: num(json['refresh']) ?? 1,
    auto: json['auto'] === true,
    autoCount: num(json['auto_count']) ?? 30,
    autoMin: str(json['auto_min']) || '10s',
  };
}
