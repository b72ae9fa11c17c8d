/** What every panel is given. */

import type { Exemplar } from '../api/exemplars';
import type { Scope } from '../lib/dashboard/interpolate';
import type { Frame, Panel } from '../lib/dashboard/model';
import type { Range } from '../lib/time';

export interface PanelProps {
  panel: Panel;
  /** Transformed, with settings. */
  frames: Frame[];
  scope: Scope;
  range: Range;
  exemplars: Exemplar[];
  /** Size of the drawing area in pixels. */
  width: number;
  height: number;
}
