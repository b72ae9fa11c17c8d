/** What a panel shows: its plan, the answers, the frames made of them. Asks only while the panel can be seen. */

import { untrack } from 'svelte';

import { toFrames } from '../lib/dashboard/frames';
import type { Placed } from '../lib/dashboard/layout';
import type { Frame, VariableDef } from '../lib/dashboard/model';
import { planQueries, type Plan } from '../lib/dashboard/plan';
import { withSettings } from '../lib/dashboard/settings';
import { transform } from '../lib/dashboard/transform';
import { createQuery, type Query } from '../state/query.svelte';
import { time } from '../state/time.svelte';
import { askPanel, type PanelAnswer } from './ask';

/** Read anew by the data whenever it changes. */
export interface PanelInput {
  readonly placed: Placed;
  readonly variables: readonly VariableDef[];
  readonly width: number;
  readonly seen: boolean;
}

export class PanelData {
  readonly query: Query<PanelAnswer>;
  private input: PanelInput;
  /** What was answered last, and whether the panel was out of sight since. */
  private answered = '';
  private away = false;

  plan: Plan = $derived.by(() => planQueries(this.input.placed.panel, this.input.placed.scope, time.range, this.input.width, this.input.variables));
  // A text compares by content: the same plan is not asked twice.
  private key: string = $derived(JSON.stringify(this.plan));
  made: { frames: Frame[]; unknown: string[] } = $derived.by(() => {
    const { panel } = this.input.placed;
    const { frames, unknown } = transform(toFrames(this.query.data?.answers ?? []), panel.transformations);
    return { frames: withSettings(frames, panel), unknown };
  });

  constructor(input: PanelInput) {
    this.input = input;
    this.query = createQuery((signal) => {
      const before = untrack(() => this.query?.data);
      const hidden = !input.seen || input.width === 0;
      // Scrolled back to with the same question: the answer is still there.
      const same = this.away && !hidden && this.answered === this.key;
      this.away = hidden;
      if (hidden || same) return before ? Promise.resolve(before) : null;
      const { key } = this;
      const plan = JSON.parse(key) as Plan;
      if (plan.queries.length === 0) return null;
      return askPanel(plan, signal).then((answer) => {
        this.answered = answer.errors.length === 0 ? key : '';
        return answer;
      });
    });
  }
}
