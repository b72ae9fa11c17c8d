/** One colour a service, told apart within what is shown. */

import { nameColor, paletteColor } from '../color';

/** Names keep the colour that they have everywhere; where two would share one, the later takes a free one. */
export function serviceColors(names: readonly string[]): (name: string) => string {
  const colors = new Map<string, string>();
  const used = new Set<string>();
  for (const name of [...new Set(names)].sort()) {
    let color = nameColor(name);
    for (let i = 0; used.has(color) && i < 36; i++) if (!used.has(paletteColor(i))) color = paletteColor(i);
    used.add(color);
    colors.set(name, color);
  }
  return (name) => colors.get(name) ?? nameColor(name);
}
