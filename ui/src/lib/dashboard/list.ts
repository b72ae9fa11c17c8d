/** The list of dashboards: search, folders, tags. */

import type { DashboardInfo } from '../../api/skopos';

export interface ListFilter {
  text: string;
  folder: string;
  tags: ReadonlySet<string>;
}

/** Every word must occur in the title, the folder or a tag. */
export function matchDashboards(all: readonly DashboardInfo[], filter: ListFilter): DashboardInfo[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((d) => {
    if (filter.folder && d.folder !== filter.folder) return false;
    if ([...filter.tags].some((t) => !d.tags.includes(t))) return false;
    const hay = [d.title, d.folder, ...d.tags].join('\n').toLowerCase();
    return words.every((w) => hay.includes(w));
  });
}

export function groupByFolder(all: readonly DashboardInfo[]): [string, DashboardInfo[]][] {
  const folders = new Map<string, DashboardInfo[]>();
  for (const d of all) folders.set(d.folder, [...(folders.get(d.folder) ?? []), d]);
  return [...folders.entries()].sort(([a], [b]) => a.localeCompare(b));
}

/** Tags by how many dashboards carry them. */
export function tagCounts(all: readonly DashboardInfo[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const d of all) for (const t of new Set(d.tags)) counts.set(t, (counts.get(t) ?? 0) + 1);
  return [...counts.entries()].sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
}
