/** Alerting rules as the page lists them. */

import type { Alert, Rule, RuleGroup } from '../api/prometheus';

export type AlertState = 'firing' | 'pending' | 'inactive';
export const ALERT_STATES: readonly AlertState[] = ['firing', 'pending', 'inactive'];
export type Tone = 'ok' | 'warn' | 'crit' | 'info' | 'plain';

export const stateOf = (rule: Rule): AlertState => ALERT_STATES.find((s) => s === rule.state) ?? 'inactive';

export function stateTone(state: string): Tone {
  return state === 'firing' ? 'crit' : state === 'pending' ? 'warn' : state === 'inactive' ? 'ok' : 'plain';
}

/** How many alerting rules are in each state. */
export function countStates(groups: readonly RuleGroup[]): Record<AlertState, number> {
  const counts: Record<AlertState, number> = { firing: 0, pending: 0, inactive: 0 };
  for (const group of groups) for (const rule of group.rules) if (rule.type === 'alerting') counts[stateOf(rule)]++;
  return counts;
}

/** Groups with the rules that fit; a text fits name, expression or any label value. */
export function filterGroups(groups: readonly RuleGroup[], states: ReadonlySet<string>, text: string, kinds: 'alerting' | 'all'): RuleGroup[] {
  const needle = text.trim().toLowerCase();
  const fits = (rule: Rule): boolean => {
    if (kinds === 'alerting' && rule.type !== 'alerting') return false;
    if (states.size > 0 && (rule.type !== 'alerting' || !states.has(stateOf(rule)))) return false;
    if (!needle) return true;
    const texts = [rule.name, rule.query, ...Object.values(rule.labels ?? {}), ...(rule.alerts ?? []).flatMap((a) => Object.values(a.labels))];
    return texts.some((t) => t.toLowerCase().includes(needle));
  };
  return groups.map((g) => ({ ...g, rules: g.rules.filter(fits) })).filter((g) => g.rules.length > 0);
}

/** Firing before pending, then the longest first. */
export function sortAlerts(alerts: readonly Alert[]): Alert[] {
  const rank = (a: Alert): number => ALERT_STATES.indexOf(a.state);
  return [...alerts].sort((a, b) => rank(a) - rank(b) || Date.parse(a.activeAt ?? '') - Date.parse(b.activeAt ?? ''));
}

export function severityTone(severity: string | undefined): Tone {
  if (!severity || severity === 'none') return 'plain';
  if (/crit|page|emerg|fatal|high/i.test(severity)) return 'crit';
  return /warn|medium/i.test(severity) ? 'warn' : 'info';
}
