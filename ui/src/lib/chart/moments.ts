/** Moments as upright lines with a word, and spans as shade, behind a chart's series. */

import type uPlot from 'uplot';
import { alpha } from '../color';
import type { ChartOptions } from './model';

/** A plugin that paints them, or none when there are none. `token` gives the theme's colours. */
export function momentPlugin(options: ChartOptions, token: (name: string) => string): uPlot.Plugin[] {
  const { moments = [], spans = [] } = options;
  if (moments.length === 0 && spans.length === 0) return [];
  return [{ hooks: { drawClear: (u) => shade(u, spans, token), draw: (u) => lines(u, moments, token) } }];
}

function shade(u: uPlot, spans: NonNullable<ChartOptions['spans']>, token: (name: string) => string): void {
  const { ctx, bbox } = u;
  const x = (seconds: number): number => Math.min(bbox.left + bbox.width, Math.max(bbox.left, u.valToPos(seconds, 'x', true)));
  ctx.save();
  ctx.fillStyle = token('--surface-2');
  for (const span of spans) ctx.fillRect(x(span.from), bbox.top, x(span.to) - x(span.from), bbox.height);
  ctx.restore();
}

/** Words that would cover the one before go a line lower; no line runs through a word. */
function lines(u: uPlot, moments: NonNullable<ChartOptions['moments']>, token: (name: string) => string): void {
  const { ctx, bbox } = u;
  const line = 13 * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${10 * devicePixelRatio}px ${token('--font')}`;
  ctx.textBaseline = 'top';
  ctx.textAlign = 'left';
  const ends: number[] = [];
  const words: { text: string; color: string; from: number; top: number; width: number }[] = [];
  for (const moment of [...moments].sort((a, b) => a.time - b.time)) {
    const x = u.valToPos(moment.time, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const color = token(moment.color);
    const width = ctx.measureText(moment.text).width;
    const left = x + width + 8 > bbox.left + bbox.width;
    const from = left ? x - width - 4 : x + 4;
    let row = ends.findIndex((end) => end < from);
    if (row < 0) row = ends.length;
    ends[row] = from + width + 4;
    ctx.strokeStyle = alpha(color, 0.75);
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    words.push({ text: moment.text, color, from, top: bbox.top + row * line, width });
  }
  for (const word of words) {
    ctx.fillStyle = alpha(token('--surface'), 0.85);
    ctx.fillRect(word.from - 2, word.top, word.width + 4, line - devicePixelRatio);
    ctx.fillStyle = word.color;
    ctx.fillText(word.text, word.from, word.top);
  }
  ctx.restore();
}
