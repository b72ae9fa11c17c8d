/** Threshold lines and areas behind a chart's series. */

import type uPlot from 'uplot';
import { alpha } from '../color';
import type { ChartOptions } from './model';

/** A plugin that paints the thresholds, or none when there are no visible ones. */
export function thresholdPlugin(options: ChartOptions): uPlot.Plugin[] {
  const style = options.thresholdStyle ?? 'off';
  const steps = options.thresholds ?? [];
  if (style === 'off' || steps.length === 0) return [];
  return [{ hooks: { drawClear: (u) => paint(u, steps, style) } }];
}

function paint(u: uPlot, steps: NonNullable<ChartOptions['thresholds']>, style: string): void {
  const { ctx, bbox } = u;
  const [low, high] = [u.scales['y']?.min ?? 0, u.scales['y']?.max ?? 1];
  const y = (value: number): number => u.valToPos(Math.min(high, Math.max(low, value)), 'y', true);
  ctx.save();
  steps.forEach((step, i) => {
    const [from, to] = [step.value, steps[i + 1]?.value ?? Infinity];
    if (style.includes('area')) {
      ctx.fillStyle = alpha(step.color, 0.1);
      ctx.fillRect(bbox.left, y(to), bbox.width, y(from) - y(to));
    }
    if (style !== 'area' && from > low && from <= high && Number.isFinite(from)) {
      ctx.strokeStyle = alpha(step.color, 0.8);
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash(style.startsWith('dashed') ? [6 * devicePixelRatio, 4 * devicePixelRatio] : []);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y(from));
      ctx.lineTo(bbox.left + bbox.width, y(from));
      ctx.stroke();
    }
  });
  ctx.restore();
}
