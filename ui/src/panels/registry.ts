/** Which component draws a panel type; each loads when first needed. */

import type { Component } from 'svelte';
import type { PanelProps } from './props';

type Load = () => Promise<{ default: Component<PanelProps> }>;

const TYPES: Record<string, Load> = {
  timeseries: () => import('./TimeSeriesPanel.svelte'),
  stat: () => import('./StatPanel.svelte'),
  gauge: () => import('./GaugePanel.svelte'),
  bargauge: () => import('./BarGaugePanel.svelte'),
  table: () => import('./TablePanel.svelte'),
  piechart: () => import('./PiePanel.svelte'),
  barchart: () => import('./BarChartPanel.svelte'),
  heatmap: () => import('./HeatmapPanel.svelte'),
  histogram: () => import('./HistogramPanel.svelte'),
  text: () => import('./TextPanel.svelte'),
  logs: () => import('./LogsPanel.svelte'),
  'state-timeline': () => import('./StatesPanel.svelte'),
  'status-history': () => import('./StatesPanel.svelte'),
  alertlist: () => import('./AlertListPanel.svelte'),
  dashlist: () => import('./DashListPanel.svelte'),
};

/** Types that show something without a query. */
export const WITHOUT_QUERY = new Set(['text', 'alertlist', 'dashlist']);

export const isKnown = (type: string): boolean => type in TYPES;

export const loadPanel = (type: string): Promise<{ default: Component<PanelProps> }> => (TYPES[type] ?? (() => import('./UnknownPanel.svelte')))();
