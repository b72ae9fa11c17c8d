/** What the page on show can do: the palette lists it, keys run it, the help sheet tells of it. */

export interface PageAction {
  text: string;
  /** One key, as `keyName` writes it; the handler runs it unless a shortcut of the whole page has it. */
  key?: string;
  run: () => void;
}

class PageActions {
  items = $state.raw<readonly PageAction[]>([]);

  /** Offers actions until the answer is called; for an effect of the page. */
  offer(actions: readonly PageAction[]): () => void {
    this.items = actions;
    return () => {
      if (this.items === actions) this.items = [];
    };
  }

  byKey(key: string): PageAction | undefined {
    return this.items.find((a) => a.key === key);
  }
}

export const pageActions = new PageActions();
