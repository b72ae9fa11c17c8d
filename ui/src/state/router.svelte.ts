/** Where we are: path and query string, kept in step with the browser's history. */

import { SvelteURLSearchParams } from 'svelte/reactivity';

import { buildHref, patchParams, type Params } from '../lib/url';

/** Parameters that travel from page to page. */
const CARRIED = ['from', 'to', 'refresh'] as const;

class Router {
  path = $state(location.pathname);
  search = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener('popstate', () => this.read());
    document.addEventListener('click', (event) => this.follow(event));
  }

  /** A link to another page that keeps the time range. */
  href(path: string, params: Params = {}): string {
    const base = new SvelteURLSearchParams();
    for (const key of CARRIED) {
      const value = this.search.get(key);
      if (value !== null) base.set(key, value);
    }
    return buildHref(path, patchParams(base, params));
  }

  go(path: string, params: Params = {}): void {
    this.push(this.href(path, params), false);
  }

  /** Changes parameters of the page we are on. */
  patch(params: Params, options: { replace?: boolean } = {}): void {
    const next = buildHref(this.path, patchParams(this.search, params));
    if (next !== location.pathname + location.search) this.push(next, options.replace ?? false);
  }

  private push(href: string, replace: boolean): void {
    const samePath = new URL(href, location.href).pathname === this.path;
    if (replace) history.replaceState(null, '', href);
    else history.pushState(null, '', href);
    this.read();
    if (!samePath) document.querySelector('main')?.scrollTo(0, 0);
  }

  private read(): void {
    this.path = location.pathname;
    this.search = new URLSearchParams(location.search);
  }

  /** Plain clicks on links of ours become navigation without a reload. */
  private follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link?.href || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (/^\/(api|loki|jaeger\/api|metrics|-|v1|tempo)(\/|$)/.test(link.pathname)) return;
    event.preventDefault();
    this.push(link.pathname + link.search + link.hash, false);
  }
}

export const router = new Router();
