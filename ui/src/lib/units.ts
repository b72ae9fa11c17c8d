/** Units of values: Grafana's ids, and how a number reads in them. Unknown ids are a suffix of their own. */

import { ago, formatDateTime } from './time';

/** A value in parts, so that a big number can show its unit small. */
export interface Formatted {
  prefix: string;
  text: string;
  suffix: string;
}

interface Scale {
  steps: readonly [string, number][];
}

const SI: readonly [string, number][] = [['', 1], ['K', 1e3], ['Mil', 1e6], ['Bil', 1e9], ['Tri', 1e12]];
const SI_SYMBOL: readonly [string, number][] = [['n', 1e-9], ['µ', 1e-6], ['m', 1e-3], ['', 1], ['k', 1e3], ['M', 1e6], ['G', 1e9], ['T', 1e12], ['P', 1e15]];
const BINARY: readonly [string, number][] = [['', 1], ['Ki', 2 ** 10], ['Mi', 2 ** 20], ['Gi', 2 ** 30], ['Ti', 2 ** 40], ['Pi', 2 ** 50]];
const DECIMAL: readonly [string, number][] = [['', 1], ['k', 1e3], ['M', 1e6], ['G', 1e9], ['T', 1e12], ['P', 1e15]];
const SECONDS: readonly [string, number][] = [[' ns', 1e-9], [' µs', 1e-6], [' ms', 1e-3], [' s', 1], [' min', 60], [' h', 3600], [' d', 86_400], [' w', 604_800], [' y', 31_536_000]];

/** `base` is how many of the unit of the id make one of the unit that the steps count: 1000 ms a second. */
const scaled = (steps: readonly [string, number][], unit: string, base = 1): Scale => ({ steps: steps.map(([p, size]) => [` ${p}${unit}`, size * base]) });
const time = (base: number): Scale => ({ steps: SECONDS.map(([name, size]) => [name, size * base]) });
const count = (unit: string): Scale => ({ steps: SI.map(([p, size]) => [`${p ? ` ${p}` : ''} ${unit}`, size]) });
const data = (steps: readonly [string, number][], unit: string): ((power: number) => Scale) => {
  const size = steps[1]?.[1] ?? 1;
  return (power) => scaled(steps, unit, size ** -power);
};
const [bin, dec, binRate, decRate, binBits, decBits] = [data(BINARY, 'B'), data(DECIMAL, 'B'), data(BINARY, 'B/s'), data(DECIMAL, 'B/s'), data(BINARY, 'b/s'), data(DECIMAL, 'b/s')];

const SCALES: Record<string, Scale> = {
  short: { steps: SI.map(([p, size]) => [p ? ` ${p}` : '', size]) },
  sishort: { steps: SI_SYMBOL.map(([p, size]) => [p ? ` ${p}` : '', size]) },
  bytes: bin(0), kbytes: bin(1), mbytes: bin(2), gbytes: bin(3), tbytes: bin(4), pbytes: bin(5),
  decbytes: dec(0), deckbytes: dec(1), decmbytes: dec(2), decgbytes: dec(3), dectbytes: dec(4), decpbytes: dec(5),
  bits: scaled(BINARY, 'b'), decbits: scaled(DECIMAL, 'b'),
  Bps: decRate(0), KBs: decRate(1), MBs: decRate(2), GBs: decRate(3), TBs: decRate(4), PBs: decRate(5),
  binBps: binRate(0), KiBs: binRate(1), MiBs: binRate(2), GiBs: binRate(3), TiBs: binRate(4),
  bps: decBits(0), Kbits: decBits(1), Mbits: decBits(2), Gbits: decBits(3), Tbits: decBits(4),
  binbps: binBits(0), Kibits: binBits(1), Mibits: binBits(2), Gibits: binBits(3),
  s: time(1), ms: time(1e3), µs: time(1e6), us: time(1e6), ns: time(1e9), m: time(1 / 60), h: time(1 / 3600), d: time(1 / 86_400), timeticks: time(100),
  hertz: scaled(DECIMAL, 'Hz'), rothz: scaled(DECIMAL, 'Hz'), Hs: scaled(DECIMAL, 'H/s'), flops: scaled(DECIMAL, 'FLOPS'),
  watt: scaled(SI_SYMBOL, 'W'), kwatt: scaled(SI_SYMBOL, 'W', 1e-3), mwatt: scaled(SI_SYMBOL, 'W', 1e3), watth: scaled(SI_SYMBOL, 'Wh'), kwatth: scaled(SI_SYMBOL, 'Wh', 1e-3), voltamp: scaled(SI_SYMBOL, 'VA'),
  joule: scaled(SI_SYMBOL, 'J'), ev: scaled(SI_SYMBOL, 'eV'), amp: scaled(SI_SYMBOL, 'A'), kamp: scaled(SI_SYMBOL, 'A', 1e-3), mamp: scaled(SI_SYMBOL, 'A', 1e3), volt: scaled(SI_SYMBOL, 'V'), kvolt: scaled(SI_SYMBOL, 'V', 1e-3), mvolt: scaled(SI_SYMBOL, 'V', 1e3), ohm: scaled(SI_SYMBOL, 'Ω'),
  lengthm: scaled(SI_SYMBOL, 'm'), lengthkm: scaled(SI_SYMBOL, 'm', 1e-3), lengthmm: scaled(SI_SYMBOL, 'm', 1e3), massg: scaled(SI_SYMBOL, 'g'), masskg: scaled(SI_SYMBOL, 'g', 1e-3), massmg: scaled(SI_SYMBOL, 'g', 1e3), pressurehpa: { steps: [[' hPa', 1]] }, pressurepa: scaled(DECIMAL, 'Pa'), pressurekpa: scaled(DECIMAL, 'Pa', 1e-3),
  ops: count('ops/s'), opm: count('ops/min'), reqps: count('req/s'), rps: count('rd/s'), wps: count('wr/s'), iops: count('io/s'), eps: count('ev/s'), mps: count('msg/s'), wpm: count('wr/min'),
  cps: count('c/s'), rpm: count('rd/min'), pps: { steps: DECIMAL.map(([p, size]) => [` ${p}p/s`, size]) }, errps: count('err/s'), recps: count('rec/s'), rowsps: count('rows/s'), cpm: count('c/min'), reqpm: count('req/min'), msgpm: count('msg/min'),
};

const SUFFIXES: Record<string, string> = {
  celsius: ' °C', fahrenheit: ' °F', kelvin: ' K', humidity: ' %H', degree: '°', radian: ' rad', rotrpm: ' rpm', pixel: ' px', cores: ' cores', connections: ' connections', dB: ' dB', dBm: ' dBm', candela: ' cd', lux: ' lx', conppm: ' ppm', conppb: ' ppb',
  velocityms: ' m/s', velocitykmh: ' km/h', velocitymph: ' mph', velocityknot: ' kn', pressurebar: ' bar', pressurembar: ' mbar', pressurepsi: ' psi', litre: ' L', mlitre: ' mL', m3: ' m³', flowcms: ' m³/s', massst: ' t', lengthft: ' ft', lengthmi: ' mi', accMS2: ' m/s²', accG: ' g',
};
const PREFIXES: Record<string, string> = { currencyUSD: '$', currencyEUR: '€', currencyGBP: '£', currencyJPY: '¥', currencyINR: '₹', currencyCHF: 'CHF ', currencyRUB: '₽', currencyKRW: '₩', currencyBRL: 'R$', currencyCNY: '¥', currencyBTC: '฿', hex0x: '0x' };
const BOOLS: Record<string, [string, string]> = { bool: ['True', 'False'], bool_yes_no: ['Yes', 'No'], bool_on_off: ['On', 'Off'] };

/** A number with grouped thousands and at most the wanted decimals, or as many as three digits need. */
export function plainNumber(value: number, decimals?: number | null): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const abs = Math.abs(value);
  if (decimals !== undefined && decimals !== null) return group(value.toFixed(Math.min(20, Math.max(0, decimals))));
  if (Number.isInteger(value) && abs < 1e15) return group(String(value));
  if (abs !== 0 && (abs < 1e-4 || abs >= 1e15)) return value.toExponential(2);
  const digits = abs >= 100 ? 0 : abs >= 10 ? 1 : abs >= 1 ? 2 : 3 + Math.max(0, -Math.floor(Math.log10(abs)) - 1);
  return group(String(Number(value.toFixed(digits))));
}

function group(text: string): string {
  const [whole = '', fraction] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function applyScale(value: number, scale: Scale, decimals?: number | null): Formatted {
  const abs = Math.abs(value);
  const base = scale.steps.find(([, size]) => size === 1) ?? scale.steps[0];
  let chosen = base ?? ['', 1];
  if (abs > 0 && Number.isFinite(abs)) {
    // The largest step not above the value; rounding must not print "1000 ms".
    for (const step of scale.steps) if (abs >= step[1] * 0.9995) chosen = step;
    if (abs < (scale.steps[0]?.[1] ?? 0)) chosen = scale.steps[0] ?? chosen;
  }
  return { prefix: '', text: plainNumber(value / chosen[1], decimals), suffix: chosen[0] };
}

function special(value: number, unit: string, decimals?: number | null): Formatted | null {
  const bool = BOOLS[unit];
  if (bool) return { prefix: '', text: value ? bool[0] : bool[1], suffix: '' };
  if (unit in PREFIXES && unit !== 'hex0x') {
    const { text, suffix } = applyScale(value, SCALES['short'] as Scale, decimals ?? 2);
    return { prefix: PREFIXES[unit] ?? '', text, suffix };
  }
  if (unit === 'hex' || unit === 'hex0x') return { prefix: PREFIXES[unit] ?? '', text: Math.round(value).toString(16).toUpperCase(), suffix: '' };
  if (unit === 'sci') return { prefix: '', text: value.toExponential(decimals ?? 2), suffix: '' };
  if (unit === 'dateTimeFromNow') return { prefix: '', text: ago(value, Date.now()), suffix: '' };
  if (unit.startsWith('dateTime')) return { prefix: '', text: formatDateTime(value), suffix: '' };
  if (unit.startsWith('time:')) return { prefix: '', text: formatDateTime(value), suffix: '' };
  if (unit === 'dtdurations' || unit === 'dtdurationms') return applyScale(unit === 'dtdurationms' ? value / 1000 : value, SCALES['s'] as Scale, decimals);
  if (unit === 'clocks' || unit === 'clockms' || unit === 'dthms' || unit === 'dthmss') return applyScale(unit === 'clockms' || unit === 'dthmss' ? value / 1000 : value, SCALES['s'] as Scale, decimals);
  return null;
}

/** The parts of a value in a unit. */
export function formatParts(value: number | null | undefined, unit = 'none', decimals?: number | null): Formatted {
  if (value === null || value === undefined || Number.isNaN(value)) return { prefix: '', text: value === null || value === undefined ? '–' : 'NaN', suffix: '' };
  if (!Number.isFinite(value)) return { prefix: '', text: plainNumber(value), suffix: '' };
  const scale = SCALES[unit];
  if (scale) return applyScale(value, scale, decimals);
  if (unit === 'percent') return { prefix: '', text: plainNumber(value, decimals), suffix: '%' };
  if (unit === 'percentunit') return { prefix: '', text: plainNumber(value * 100, decimals), suffix: '%' };
  if (['', 'none', 'string', 'locale'].includes(unit)) return { prefix: '', text: plainNumber(value, decimals), suffix: '' };
  const odd = special(value, unit, decimals);
  if (odd) return odd;
  if (unit.startsWith('prefix:')) return { prefix: unit.slice(7), text: plainNumber(value, decimals), suffix: '' };
  if (unit.startsWith('si:')) return applyScale(value, scaled(SI_SYMBOL, unit.slice(3)), decimals);
  const suffix = SUFFIXES[unit] ?? ` ${unit.replace(/^suffix:/, '').trim()}`;
  return { prefix: '', text: plainNumber(value, decimals), suffix };
}

/** The whole text of a value in a unit. */
export function formatValue(value: number | null | undefined, unit = 'none', decimals?: number | null): string {
  const parts = formatParts(value, unit, decimals);
  return parts.prefix + parts.text + parts.suffix;
}
