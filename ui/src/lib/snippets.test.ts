import { expect, it } from 'vitest';

import { snippets } from './snippets';

const texts = (origin: string): string => snippets(origin).map((snippet) => snippet.text).join('\n');

it('names the host and scheme of the page', () => {
  const secured = texts('https://skopos.example');
  expect(secured).toContain('OTEL_EXPORTER_OTLP_ENDPOINT=https://skopos.example:4317');
  expect(secured).toContain('url: https://skopos.example/api/v1/write');
  expect(secured).not.toContain('insecure');
  expect(secured).not.toContain('http://');
  const plain = texts('http://[::1]:9090');
  expect(plain).toContain('OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1]:4317');
  expect(plain).toContain('endpoint: [::1]:4317\n    tls:\n      insecure: true');
});
