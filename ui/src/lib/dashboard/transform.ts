/** Grafana's transformations, applied in order. One that is not known leaves the frames and is told. */

import type { Json } from './json';
import { obj, text } from './json';
import type { Frame, Panel } from './model';
import * as columns from './transform-columns';
import * as join from './transform-join';
import * as rows from './transform-rows';
import { parseRegex } from './variables';

type Transform = (frames: Frame[], options: Json) => Frame[];

const TRANSFORMS: Record<string, Transform> = {
  organize: columns.organize,
  renameByRegex: columns.renameByRegex,
  filterFieldsByName: columns.filterFieldsByName,
  calculateField: columns.calculateField,
  labelsToFields: columns.labelsToFields,
  formatTime: columns.formatTimes,
  convertFieldType: columns.convertFieldType,
  merge: join.merge,
  joinByField: join.joinByField,
  seriesToColumns: join.joinByField,
  joinByLabels: join.joinByLabels,
  concatenate: join.concatenate,
  seriesToRows: join.seriesToRows,
  groupBy: rows.groupBy,
  sortBy: rows.sortBy,
  reduce: rows.reduceFrames,
  timeSeriesTable: rows.timeSeriesTable,
  filterByValue: rows.filterByValue,
  limit: rows.limit,
  filterByRefId: (frames, options) => frames.filter((f) => parseRegex(text(options['include']))?.test(f.refId) ?? true),
  prepareTimeSeries: (frames) => frames,
};

export function transform(frames: Frame[], steps: Panel['transformations']): { frames: Frame[]; unknown: string[] } {
  const unknown: string[] = [];
  let out = frames;
  for (const step of steps) {
    if (step.disabled) continue;
    const apply = TRANSFORMS[step.id];
    if (!apply) {
      unknown.push(step.id);
      continue;
    }
    const wanted = parseRegex(text(obj(step.filter)['options']));
    const limited = obj(step.filter)['id'] === 'byRefId' && wanted !== null;
    const chosen = limited ? out.filter((f) => wanted.test(f.refId)) : out;
    out = limited ? [...apply(chosen, step.options), ...out.filter((f) => !chosen.includes(f))] : apply(chosen, step.options);
  }
  return { frames: out, unknown };
}
