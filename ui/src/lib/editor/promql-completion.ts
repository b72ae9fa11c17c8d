/** When PromQL proposals open by themselves. */

import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { newCompleteStrategy, type CompleteConfiguration, type CompleteStrategy } from '@prometheus-io/codemirror-promql';

/** A word that is begun, or what asks for one: a bracket, a comma, a comparison, a quote, `@`. */
const EXPECTS_MORE = /[\w:]$|[([{,=~<>"'`@]\s*$/;

/**
 * Whether proposals may open before the cursor without being asked for. Where the expression may be complete they may not: Enter
 * is to run it, not to take the first operator of a list.
 */
export function mayPropose(before: string): boolean {
  return EXPECTS_MORE.test(before);
}

/** The proposals of Prometheus' editor, which open by themselves only where {@link mayPropose} lets them. */
export function completion(remote: NonNullable<CompleteConfiguration['remote']>): CompleteStrategy {
  const all = newCompleteStrategy({ remote });
  return {
    promQL: (context: CompletionContext): Promise<CompletionResult | null> | CompletionResult | null =>
      context.explicit || mayPropose(context.state.doc.sliceString(0, context.pos)) ? all.promQL(context) : null,
    destroy: () => all.destroy?.(),
  };
}
