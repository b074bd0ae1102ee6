/**
 * Whether a path fits shell patterns as the Hub's clients read them: `*` matches slashes too, `!` excludes.
 * No patterns, or only excluding ones, fit everything else.
 */
export function matches(path: string, patterns: readonly string[] = []): boolean {
  const including = patterns.filter((pattern) => !pattern.startsWith('!'));
  const excluding = patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : []));
  const fits = (pattern: string): boolean => toRegExp(pattern).test(path);
  return (including.length === 0 || including.some(fits)) && !excluding.some(fits);
}

function toRegExp(pattern: string): RegExp {
  // Runs of stars are one star, so that a pattern of many cannot make matching slow.
  const body = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${body}$`, 's');
}
