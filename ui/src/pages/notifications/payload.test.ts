import { expect, it } from 'vitest';

import { prettyPayload } from './payload';

it.each([
  ['{"a":1}', 'application/json', '{\n  "a": 1\n}'],
  ['token=x&message=a+b%0Ac', 'application/x-www-form-urlencoded', 'token = x\nmessage = a b\nc'],
  ['Subject: x\n\nbody', 'message/rfc822', 'Subject: x\n\nbody'],
  ['{broken', 'application/json', '{broken'],
])('%s', (payload, type, text) => {
  expect(prettyPayload(payload, type)).toBe(text);
});
