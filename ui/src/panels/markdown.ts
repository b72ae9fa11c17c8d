/** Text of dashboards as safe HTML: Markdown or HTML in, no scripts, handlers or frames out. */

import DOMPurify from 'dompurify';
import { marked } from 'marked';

export function render(content: string, mode: string): string {
  const html = mode === 'html' ? content : marked.parse(content, { async: false, gfm: true });
  return DOMPurify.sanitize(html, { FORBID_TAGS: ['style', 'form', 'input', 'button', 'iframe'], FORBID_ATTR: ['srcset'], ADD_ATTR: ['target'] });
}
