/** The rooms of alerting, in the order of their use. */

import type { IconName } from '../../lib/icons';

export interface Tab {
  path: string;
  text: string;
  icon: IconName;
  of: RegExp;
}

export const ALERT_TABS: Tab[] = [
  { path: '/alerts', text: 'Rules', icon: 'bell', of: /^\/alerts(\/runbooks\/.*)?$/ },
  { path: '/alerts/active', text: 'Active', icon: 'fire', of: /^\/alerts\/(active|evidence)(\/|$)/ },
  { path: '/alerts/incidents', text: 'Incidents', icon: 'pulse', of: /^\/alerts\/incidents(\/|$)/ },
  { path: '/alerts/silences', text: 'Silences', icon: 'mute', of: /^\/alerts\/silences(\/|$)/ },
  { path: '/alerts/notifications', text: 'Notifications', icon: 'send', of: /^\/alerts\/notifications(\/|$)/ },
  { path: '/alerts/routing', text: 'Routing', icon: 'branch', of: /^\/alerts\/routing(\/|$)/ },
  { path: '/alerts/prove', text: 'Prove', icon: 'shield', of: /^\/alerts\/prove(\/|$)/ },
];

export const PROVE_TABS = [
  { path: '/alerts/prove', text: 'Report' },
  { path: '/alerts/prove/dead', text: 'Dead and unread' },
  { path: '/alerts/prove/coverage', text: 'Coverage' },
  { path: '/alerts/prove/backtest', text: 'Backtest' },
];
