/** Which page a path shows. Pages load when first visited. */

import type { Component } from 'svelte';

export interface Route {
  title: string;
  /** Whether the page follows the time range. */
  timed: boolean;
  defaults?: { from?: string; refresh?: string };
  load: () => Promise<{ default: Component<{ args: string[] }> }>;
}

const metrics: Route = { title: 'Explore metrics', timed: true, load: () => import('./explore/MetricsPage.svelte') };

const ROUTES: [RegExp, Route][] = [
  [/^\/$/, { title: 'Home', timed: true, defaults: { refresh: '10s' }, load: () => import('./home/HomePage.svelte') }],
  [/^\/dashboards$/, { title: 'Dashboards', timed: false, load: () => import('./dashboards/DashboardsPage.svelte') }],
  [/^\/(?:dashboards|d)\/([^/]+)(?:\/[^/]*)?$/, { title: 'Dashboard', timed: true, load: () => import('./dashboards/DashboardPage.svelte') }],
  [/^\/explore(?:\/metrics)?$/, metrics],
  [/^\/(?:graph|query)$/, metrics],
  [/^\/explore\/logs$/, { title: 'Explore logs', timed: true, load: () => import('./logs/LogsPage.svelte') }],
  [/^\/explore\/traces$/, { title: 'Explore traces', timed: true, load: () => import('./traces/TracesPage.svelte') }],
  [/^\/(?:explore\/traces|trace)\/([^/]+)$/, { title: 'Trace', timed: false, load: () => import('./traces/TracePage.svelte') }],
  [/^\/alerts$/, { title: 'Alerts', timed: true, defaults: { refresh: '10s' }, load: () => import('./alerts/AlertsPage.svelte') }],
  [/^\/alerts\/active$/, { title: 'Active alerts', timed: true, defaults: { refresh: '10s' }, load: () => import('./alerts/ActivePage.svelte') }],
  [/^\/alerts\/evidence\/([^/]+)$/, { title: 'Evidence', timed: false, load: () => import('./alerts/EvidencePage.svelte') }],
  [/^\/alerts\/runbooks\/([^/]+)\/([^/]+)$/, { title: 'Runbook', timed: false, load: () => import('./alerts/RunbookPage.svelte') }],
  [/^\/alerts\/incidents$/, { title: 'Incidents', timed: true, defaults: { from: 'now-30d', refresh: '30s' }, load: () => import('./incidents/IncidentsPage.svelte') }],
  [/^\/alerts\/incidents\/([^/]+)$/, { title: 'Incident', timed: true, defaults: { refresh: '10s' }, load: () => import('./incidents/IncidentPage.svelte') }],
  [/^\/alerts\/silences$/, { title: 'Silences', timed: true, defaults: { refresh: '30s' }, load: () => import('./silences/SilencesPage.svelte') }],
  [/^\/alerts\/silences\/([^/]+)$/, { title: 'Silence', timed: false, load: () => import('./silences/SilencePage.svelte') }],
  [/^\/alerts\/notifications$/, { title: 'Notifications', timed: true, defaults: { refresh: '30s' }, load: () => import('./notifications/NotificationsPage.svelte') }],
  [/^\/alerts\/routing$/, { title: 'Routing', timed: true, defaults: { refresh: '30s' }, load: () => import('./routing/RoutingPage.svelte') }],
  [/^\/alerts\/prove$/, { title: 'Prove', timed: false, load: () => import('./prove/ProvePage.svelte') }],
  [/^\/alerts\/prove\/dead$/, { title: 'Dead and unread', timed: false, load: () => import('./prove/DeadPage.svelte') }],
  [/^\/alerts\/prove\/coverage$/, { title: 'Coverage', timed: false, load: () => import('./prove/CoveragePage.svelte') }],
  [/^\/alerts\/prove\/backtest$/, { title: 'Backtest', timed: true, defaults: { from: 'now-7d' }, load: () => import('./prove/BacktestPage.svelte') }],
  [/^\/dlq$/, { title: 'Dead letters', timed: false, load: () => import('./dlq/DeadLettersPage.svelte') }],
  [/^\/targets$/, { title: 'Targets', timed: true, defaults: { refresh: '10s' }, load: () => import('./targets/TargetsPage.svelte') }],
  [/^\/(?:status|config|flags|tsdb-status)$/, { title: 'Status', timed: true, defaults: { refresh: '10s' }, load: () => import('./status/StatusPage.svelte') }],
  [/^\/connect$/, { title: 'Connect', timed: false, load: () => import('./connect/ConnectPage.svelte') }],
];

const missing: Route = { title: 'Not found', timed: false, load: () => import('./NotFoundPage.svelte') };

/** The page of a path and the parts of the path that it names. */
export function matchRoute(path: string): { route: Route; args: string[] } {
  for (const [pattern, route] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return { route, args: match.slice(1).map((part) => decodeURIComponent(part ?? '')) };
  }
  return { route: missing, args: [] };
}
