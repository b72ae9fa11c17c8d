/** Subsequence matching for the command palette and pickers. */

/** Higher is better; null when the letters do not occur in order. */
export function fuzzyScore(needle: string, text: string): number | null {
  if (!needle) return 0;
  const [n, t] = [needle.toLowerCase(), text.toLowerCase()];
  const whole = t.indexOf(n);
  if (whole >= 0) return 1000 - whole - t.length / 100 + (whole === 0 || /\W|_/.test(t[whole - 1] ?? '') ? 200 : 0);
  let [at, score, run] = [0, 0, 0];
  for (const letter of n) {
    if (letter === ' ') continue;
    const found = t.indexOf(letter, at);
    if (found < 0) return null;
    run = found === at ? run + 1 : 0;
    score += run * 4 + (found === 0 || /\W|_/.test(t[found - 1] ?? '') ? 8 : 0) - Math.min(found - at, 10);
    at = found + 1;
  }
  return score - t.length / 100;
}

/** The best matches, best first. */
export function fuzzyFilter<T>(needle: string, items: readonly T[], text: (item: T) => string, limit: number): T[] {
  const scored: { item: T; score: number }[] = [];
  for (const item of items) {
    const score = fuzzyScore(needle, text(item));
    if (score !== null) scored.push({ item, score });
  }
  if (needle) scored.sort((a, b) => b.score - a.score);
  return scored.slice(0, limit).map((s) => s.item);
}
