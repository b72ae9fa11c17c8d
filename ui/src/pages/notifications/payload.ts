/** Payloads as people read them. */

/** JSON indented, forms one field a line; anything else as it is. */
export function prettyPayload(payload: string, contentType: string): string {
  if (/x-www-form-urlencoded/i.test(contentType)) return [...new URLSearchParams(payload)].map(([k, v]) => `${k} = ${v}`).join('\n');
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}
