/** Grafana's dashboard as the page works with it: today's panel types, one layout, nothing optional that need not be. */

import type { Labels } from '../labels';
import type { Json } from './json';

export type Source = 'prometheus' | 'loki' | 'none' | 'other';

export interface Target {
  refId: string;
  expr: string;
  /** As written: an object, a name, a variable, or nothing. */
  datasource: unknown;
  legend: string | undefined;
  instant: boolean;
  format: 'time_series' | 'table' | 'heatmap';
  interval: string | undefined;
  intervalFactor: number;
  hide: boolean;
  exemplar: boolean;
  maxLines: number | undefined;
}

export interface Override {
  matcher: { id: string; options: unknown };
  properties: { id: string; value: unknown }[];
}

export interface Link {
  title: string;
  url: string;
  targetBlank: boolean;
}

export interface Grid {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  transparent: boolean;
  grid: Grid;
  datasource: unknown;
  targets: Target[];
  options: Json;
  defaults: Json;
  overrides: Override[];
  transformations: { id: string; options: Json; disabled: boolean; filter: unknown }[];
  repeat: string | undefined;
  repeatDown: boolean;
  maxPerRow: number;
  interval: string | undefined;
  maxDataPoints: number | undefined;
  timeFrom: string | undefined;
  timeShift: string | undefined;
  links: Link[];
  /** The panel as it stands in the file. */
  raw: Json;
}

/** A row and its panels; the first section of most dashboards has no heading. */
export interface Section {
  key: string;
  title: string;
  headed: boolean;
  collapsed: boolean;
  repeat: string | undefined;
  panels: Panel[];
}

export interface VariableDef {
  name: string;
  label: string;
  type: string;
  hide: number;
  query: unknown;
  datasource: unknown;
  regex: string;
  sort: number;
  multi: boolean;
  includeAll: boolean;
  allValue: string | undefined;
  /** Options that stand in the file. */
  options: Option[];
  current: Option[];
  refresh: number;
  auto: boolean;
  autoCount: number;
  autoMin: string;
}

export interface Option {
  text: string;
  value: string;
}

export interface DashboardLink {
  title: string;
  type: 'link' | 'dashboards';
  url: string;
  tags: string[];
  keepTime: boolean;
  includeVars: boolean;
  targetBlank: boolean;
  asDropdown: boolean;
}

export interface Dashboard {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  sections: Section[];
  variables: VariableDef[];
  links: DashboardLink[];
  time: { from: string; to: string };
  refresh: string;
  raw: Json;
}

export type FieldType = 'time' | 'number' | 'string' | 'boolean';

/** A column: of a series or of a table. Times are milliseconds. */
export interface Field {
  name: string;
  type: FieldType;
  values: unknown[];
  labels: Labels;
  /** The name that the query's legend gives. */
  legend?: string;
  /** Resolved settings; there once the field configuration was applied. */
  settings?: Settings;
}

export interface Frame {
  refId: string;
  name: string;
  fields: Field[];
  /** Where the rows are log lines. */
  logs?: boolean;
}

export interface Mapping {
  type: string;
  options: Json;
}

export interface ThresholdSteps {
  percentage: boolean;
  steps: { value: number; color: string }[];
}

/** What the defaults and the overrides say about one field. */
export interface Settings {
  unit: string | undefined;
  decimals: number | undefined;
  min: number | undefined;
  max: number | undefined;
  displayName: string | undefined;
  noValue: string | undefined;
  mappings: Mapping[];
  thresholds: ThresholdSteps;
  color: { mode: string; fixed: string | undefined; seriesBy: string };
  links: Link[];
  custom: Json;
}

export const ALL = '$__all';
