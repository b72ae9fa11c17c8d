/** Colours of data: the palette, Grafana's names, thresholds' ramps. */

/** Twelve hues that stay apart on both themes; the first ones are the most used. */
export const PALETTE: readonly string[] = [
  '#5b8cff', '#f2a33a', '#35b98a', '#e8648c', '#9b7bf0', '#2fb4cf', '#d9c23c', '#e5764d', '#7fb347', '#c66bd0', '#4f9fd8', '#b98a5e',
];

/** The n-th colour of a chart; after a round the lightness changes. */
export function paletteColor(index: number): string {
  const base = PALETTE[index % PALETTE.length] ?? '#5b8cff';
  const round = Math.floor(index / PALETTE.length) % 3;
  return round === 0 ? base : mix(base, round === 1 ? '#ffffff' : '#000000', 0.3);
}

/** The same colour for the same name everywhere: services, operations. */
export function nameColor(name: string): string {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return PALETTE[(hash >>> 0) % PALETTE.length] ?? '#5b8cff';
}

const HUES: Record<string, [string, string, string, string, string]> = {
  // dark, semi-dark, base, light, super-light
  red: ['#b3232f', '#d5394a', '#ec5563', '#f58690', '#ffb3ba'],
  orange: ['#d95f0e', '#ed7a2a', '#f59342', '#f9b171', '#fdcfa3'],
  yellow: ['#c79a00', '#dfb317', '#f0c93a', '#f6da70', '#fbeaa3'],
  green: ['#2c7a3d', '#3f9a52', '#56b469', '#86cc93', '#b8e3bf'],
  blue: ['#1d56b8', '#2f73d9', '#5391ec', '#86b3f5', '#b9d3fb'],
  purple: ['#7b35b5', '#974fd0', '#b06fe3', '#c895ee', '#e0c0f7'],
};
const SHADES = ['dark', 'semi-dark', '', 'light', 'super-light'];

const PLAIN: Record<string, string> = { white: '#ffffff', black: '#000000', gray: '#8a93a3', grey: '#8a93a3', transparent: 'transparent', text: 'var(--text)' };

/** A colour of a dashboard: `green`, `semi-dark-red`, `#rrggbb`, `rgb(…)`. */
export function namedColor(name: string | undefined): string | undefined {
  if (!name) return undefined;
  const match = /^(?:(dark|semi-dark|light|super-light)-)?(red|orange|yellow|green|blue|purple)$/.exec(name);
  if (match) return HUES[match[2] ?? '']?.[SHADES.indexOf(match[1] ?? '')];
  return PLAIN[name] ?? name;
}

/** Stops of Grafana's continuous schemes, low to high. */
const SCHEMES: Record<string, string[]> = {
  'continuous-GrYlRd': ['green', 'yellow', 'red'],
  'continuous-RdYlGr': ['red', 'yellow', 'green'],
  'continuous-BlYlRd': ['blue', 'yellow', 'red'],
  'continuous-YlRd': ['super-light-yellow', 'red'],
  'continuous-BlPu': ['blue', 'purple'],
  'continuous-YlBl': ['yellow', 'blue'],
  'continuous-blues': ['super-light-blue', 'dark-blue'],
  'continuous-reds': ['super-light-red', 'dark-red'],
  'continuous-greens': ['super-light-green', 'dark-green'],
  'continuous-purples': ['super-light-purple', 'dark-purple'],
};

/** The colour at `share` (0…1) of a continuous scheme. */
export function schemeColor(mode: string, share: number): string | undefined {
  const stops = SCHEMES[mode]?.map((s) => namedColor(s) ?? '#888888');
  if (!stops || stops.length === 0) return undefined;
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (stops.length - 1);
  const low = Math.floor(at);
  return mix(stops[low] ?? '#888888', stops[Math.min(low + 1, stops.length - 1)] ?? '#888888', at - low);
}

/** Both colours in hex; `share` of the second. */
export function mix(first: string, second: string, share: number): string {
  const [a, b] = [channels(first), channels(second)];
  const out = a.map((v, i) => Math.round(v + ((b[i] ?? 0) - v) * share));
  return `#${out.map((v) => v.toString(16).padStart(2, '0')).join('')}`;
}

function channels(hex: string): [number, number, number] {
  const h = hex.replace('#', '');
  const full = h.length === 3 ? [...h].map((c) => c + c).join('') : h;
  return [parseInt(full.slice(0, 2), 16) || 0, parseInt(full.slice(2, 4), 16) || 0, parseInt(full.slice(4, 6), 16) || 0];
}

/** The colour with an alpha of 0…1; works for hex, leaves other notations to color-mix. */
export function alpha(color: string, share: number): string {
  if (/^#[0-9a-f]{6}$/i.test(color)) return color + Math.round(share * 255).toString(16).padStart(2, '0');
  const rgb = /^rgba?\(([^)]+)\)$/.exec(color)?.[1]?.split(/[ ,/]+/).slice(0, 3).join(', ');
  return rgb ? `rgba(${rgb}, ${share})` : color;
}
