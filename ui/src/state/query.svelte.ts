/** A request that follows the state: runs when what it reads changes, aborts the one before, keeps the last answer meanwhile. */

import { ApiError } from '../api/http';

export class Query<T> {
  data = $state.raw<T | undefined>();
  error = $state.raw<ApiError | undefined>();
  loading = $state(false);
  /** True until the first answer or error. */
  pending: boolean = $derived(this.loading && this.data === undefined && this.error === undefined);
  private nonce = $state(0);

  /** Asks again with the same state. */
  reload(): void {
    this.nonce++;
  }

  /** Reads the nonce, so that the surrounding effect depends on it. */
  track(): number {
    return this.nonce;
  }
}

/**
 * Must be called while a component initialises. `run` reads its state before its first await; null means
 * there is nothing to ask, and clears the answer.
 */
export function createQuery<T>(run: (signal: AbortSignal) => Promise<T> | null): Query<T> {
  const query = new Query<T>();
  $effect(() => {
    query.track();
    const controller = new AbortController();
    const promise = run(controller.signal);
    if (!promise) {
      query.data = undefined;
      query.error = undefined;
      query.loading = false;
      return;
    }
    query.loading = true;
    promise.then(
      (data) => {
        if (controller.signal.aborted) return;
        query.data = data;
        query.error = undefined;
        query.loading = false;
      },
      (cause: unknown) => {
        if (controller.signal.aborted) return;
        query.error = ApiError.from(cause);
        query.loading = false;
      },
    );
    return () => controller.abort();
  });
  return query;
}
