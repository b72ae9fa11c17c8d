/** What stands where: repeated rows and panels are expanded, those below move down. */

import { narrow, type Scope } from './interpolate';
import type { Grid, Panel, Section } from './model';

export interface Placed {
  /** Unique in the dashboard; also what `viewPanel` names. */
  key: string;
  panel: Panel;
  grid: Grid;
  scope: Scope;
}

export interface PlacedSection {
  key: string;
  section: Section;
  scope: Scope;
  panels: Placed[];
}

const COLUMNS = 24;
/** More copies than this nobody reads. */
const MAX_COPIES = 50;

interface Copy {
  scope: Scope;
  suffix: string;
}

/** A scope for each chosen value of the variable. */
function copies(repeat: string | undefined, scope: Scope): Copy[] {
  const variable = repeat ? scope.vars.get(repeat) : undefined;
  if (!repeat || !variable || variable.values.length === 0) return [{ scope, suffix: '' }];
  return variable.values.slice(0, MAX_COPIES).map((value, i) => ({ scope: narrow(scope, repeat, value, variable.texts[i] ?? value), suffix: i === 0 && variable.values.length === 1 ? '' : `~${value}` }));
}

export function placeSections(sections: readonly Section[], scope: Scope): PlacedSection[] {
  const taken = new Map<string, number>();
  return sections.flatMap((section) =>
    copies(section.repeat, scope).map((copy) => ({
      key: section.key + copy.suffix,
      section,
      scope: copy.scope,
      panels: placePanels(section.panels, copy.scope, copy.suffix).map((p) => ({ ...p, key: unique(p.key, taken) })),
    })),
  );
}

/** Some files give one id to several panels. */
function unique(key: string, taken: Map<string, number>): string {
  const count = (taken.get(key) ?? 0) + 1;
  taken.set(key, count);
  return count === 1 ? key : `${key}.${count}`;
}

function placePanels(panels: readonly Panel[], scope: Scope, suffix: string): Placed[] {
  const out: Placed[] = [];
  const sorted = [...panels].sort((a, b) => a.grid.y - b.grid.y || a.grid.x - b.grid.x);
  /** Room that repeats above took: from a y on, everything moves by so much. */
  const shifts: { from: number; by: number }[] = [];
  for (const panel of sorted) {
    const shift = shifts.reduce((sum, s) => sum + (panel.grid.y >= s.from ? s.by : 0), 0);
    const all = copies(panel.repeat, scope);
    const grids = arrange(panel, all.length, shift);
    all.forEach((copy, i) => out.push({ key: `${panel.id}${copy.suffix}${suffix}`, panel, grid: grids[i] ?? panel.grid, scope: copy.scope }));
    const bottom = Math.max(...grids.map((g) => g.y + g.h)) - shift;
    const extra = bottom - (panel.grid.y + panel.grid.h);
    if (extra > 0) shifts.push({ from: panel.grid.y + panel.grid.h, by: extra });
  }
  return out;
}

function arrange(panel: Panel, count: number, shift: number): Grid[] {
  const base = { ...panel.grid, y: panel.grid.y + shift };
  if (count === 1) return [base];
  if (panel.repeatDown) return Array.from({ length: count }, (_, i) => ({ ...base, y: base.y + i * base.h }));
  const perRow = Math.min(panel.maxPerRow, count);
  const w = Math.max(1, Math.floor(COLUMNS / perRow));
  return Array.from({ length: count }, (_, i) => ({ x: (i % perRow) * w, y: base.y + Math.floor(i / perRow) * base.h, w, h: base.h }));
}
