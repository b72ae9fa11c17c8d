import { afterEach, expect, it, vi } from 'vitest';

import { absolute, request } from './http';

afterEach(() => vi.unstubAllGlobals());

it('asks without the name and password of the page', async () => {
  // As of a page opened as https://ada:secret@host/ui/: its origin has no credentials, its address does.
  vi.stubGlobal('location', { origin: 'https://host', href: 'https://ada:secret@host/ui/' });
  const asked: unknown[] = [];
  vi.stubGlobal('fetch', (url: unknown) => {
    asked.push(url);
    return Promise.resolve(new Response('{}'));
  });
  await request('/api/v1/query', { query: 'up{a="b c"}' });
  expect(asked).toEqual(['https://host/api/v1/query?query=up%7Ba%3D%22b+c%22%7D']);
  expect(absolute('/jaeger/api/traces/1')).toBe('https://host/jaeger/api/traces/1');
});
