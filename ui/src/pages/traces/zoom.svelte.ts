/** Choosing a stretch of time by dragging across an element. */

import { dragWindow, type Span1d } from '../../lib/traces/axis';

export class ZoomDrag {
  /** The stretch under the pointer, as shares of the element's width. */
  drag = $state.raw<{ from: number; to: number } | null>(null);
  private readonly window: () => Span1d;
  private readonly onzoom: (zoom: Span1d) => void;

  constructor(window: () => Span1d, onzoom: (zoom: Span1d) => void) {
    this.window = window;
    this.onzoom = onzoom;
  }

  down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const at = share(event);
    this.drag = { from: at, to: at };
  };

  move = (event: PointerEvent): void => {
    if (this.drag) this.drag = { ...this.drag, to: share(event) };
  };

  up = (): void => {
    const chosen = this.drag;
    this.drag = null;
    const zoom = chosen && dragWindow(this.window(), chosen.from, chosen.to);
    if (zoom) this.onzoom(zoom);
  };

  /** Style of the marked stretch. */
  get style(): string {
    if (!this.drag) return 'display: none';
    const [low, high] = [Math.min(this.drag.from, this.drag.to), Math.max(this.drag.from, this.drag.to)];
    return `left: ${low * 100}%; width: ${(high - low) * 100}%`;
  }
}

function share(event: PointerEvent): number {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return box.width > 0 ? Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) : 0;
}
