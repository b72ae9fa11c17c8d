/** Links of dashboards, panels and values: Grafana's templates to addresses of ours. */

import { fieldTemplate } from './display';
import { interpolate, type Scope } from './interpolate';
import type { DashboardLink, Field, Frame, Link } from './model';

export interface Href {
  title: string;
  href: string;
  external: boolean;
}

/** `d/uid/name`, `/d/uid`, `/dashboard/db/x` become paths of this page; others stay. Scripts never. */
export function localPath(url: string): { href: string; external: boolean } {
  const path = url.replace(/^\$\{?__(?:grafana_)?baseurl\}?/i, '').replace(/^https?:\/\/[^/]*\/grafana(?=\/d\/)/, '');
  const match = /^\/?(?:grafana\/)?d\/([^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(path);
  if (match) return { href: `/dashboards/${match[1]}${match[2] ?? ''}`, external: false };
  if (/^https?:\/\//i.test(path)) return { href: path, external: true };
  if (/^[a-z][\w+.-]*:/i.test(path)) return { href: '', external: true };
  return { href: path.startsWith('/') ? path : `/${path}`, external: false };
}

export function resolveLink(link: Link, scope: Scope, value?: { field: Field; frame: Frame; row: number }): Href | undefined {
  let url = link.url;
  let title = link.title;
  if (value) {
    const fill = (source: string): string => valueTemplate(fieldTemplate(source, value.field, value.frame), value);
    [url, title] = [fill(url), fill(title)];
  }
  const { href, external } = localPath(interpolate(url, scope, 'url').replace(/\$\{?__all_variables\}?/g, () => allVariables(scope)));
  return href ? { title: interpolate(title, scope, 'text'), href, external: external || link.targetBlank } : undefined;
}

function valueTemplate(source: string, { field, frame, row }: { field: Field; frame: Frame; row: number }): string {
  const cell = (name: string): string => String(frame.fields.find((f) => f.name === name || f.legend === name)?.values[row] ?? '');
  return source
    .replace(/\$\{__data\.fields(?:\["([^"]+)"\]|\.(\w+))(?:\.(?:text|numeric))?(?::\w+)?\}/g, (_, a?: string, b?: string) => encodeURIComponent(cell(a ?? b ?? '')))
    .replace(/\$\{__value\.(?:raw|text|numeric)\}|\$__cell\b|\$\{__cell\}/g, () => encodeURIComponent(String(field.values[row] ?? '')))
    .replace(/\$__cell_(\d+)|\$\{__cell_(\d+)\}/g, (_, a?: string, b?: string) => encodeURIComponent(String(frame.fields[Number(a ?? b)]?.values[row] ?? '')))
    .replace(/\$\{__value\.time\}/g, () => String(frame.fields.find((f) => f.type === 'time')?.values[row] ?? ''));
}

export function allVariables(scope: Scope): string {
  return [...scope.vars.keys()].map((name) => interpolate(`\${${name}:queryparam}`, scope, 'url')).join('&');
}

/** A link of the dashboard's own bar, with time range and variables where it asks for them. */
export function dashboardLinkHref(link: Pick<DashboardLink, 'url' | 'keepTime' | 'includeVars' | 'targetBlank' | 'title'>, scope: Scope): Href | undefined {
  const made = resolveLink({ title: link.title, url: link.url, targetBlank: link.targetBlank }, scope);
  if (!made) return undefined;
  const extra = [...(link.keepTime ? [scope.builtins['__url_time_range'] ?? ''] : []), ...(link.includeVars ? [allVariables(scope)] : [])].filter(Boolean).join('&');
  return { ...made, href: extra ? `${made.href}${made.href.includes('?') ? '&' : '?'}${extra}` : made.href };
}
