/** What a time chart is given: aligned times and one array of values a series. */

import type { Labels } from '../labels';

export type Value = number | null;
export type DrawStyle = 'line' | 'bars' | 'points';
export type Interpolation = 'linear' | 'smooth' | 'stepBefore' | 'stepAfter';
export type Stacking = 'none' | 'normal' | 'percent';

export interface ChartSeries {
  id: string;
  name: string;
  color: string;
  values: Value[];
  labels?: Labels;
  unit?: string;
  decimals?: number | null;
  draw?: DrawStyle;
  interpolation?: Interpolation;
  lineWidth?: number;
  /** 0…100. */
  fillOpacity?: number;
  gradient?: boolean;
  dash?: number[];
  points?: 'auto' | 'always' | 'never';
  pointSize?: number;
  /** Connect over gaps: always, or those up to so many milliseconds. */
  spanNulls?: boolean | number;
  axis?: 'left' | 'right';
  stackGroup?: string;
  /** Fill down to the series of this name. */
  fillBelowTo?: string;
  hidden?: boolean;
}

export interface ChartData {
  /** Seconds since the epoch, rising. */
  times: number[];
  series: ChartSeries[];
}

export interface Threshold {
  value: number;
  color: string;
}

/** A time worth a line, in seconds; the colour is the name of a token. */
export interface Moment {
  time: number;
  text: string;
  color: string;
}

export interface AxisOptions {
  unit?: string;
  decimals?: number | null;
  min?: number | null;
  max?: number | null;
  softMin?: number | null;
  softMax?: number | null;
  log?: number;
  label?: string;
}

export interface ChartOptions extends AxisOptions {
  right?: AxisOptions;
  stacking?: Stacking;
  /** Times count from zero and read as durations. */
  elapsed?: boolean;
  thresholds?: Threshold[];
  moments?: Moment[];
  /** Shaded stretches of time, in seconds. */
  spans?: { from: number; to: number }[];
  thresholdStyle?: 'off' | 'line' | 'area' | 'line+area' | 'dashed' | 'dashed+area';
}
