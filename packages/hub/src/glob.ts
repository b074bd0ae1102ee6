/**
 * Whether a path fits shell patterns as the Hub's clients read them: `*` matches slashes too, `?` one character,
 * `!` in front excludes. No patterns, or only excluding ones, fit everything else.
 */
export function matches(path: string, patterns: readonly string[] = []): boolean {
  const including = patterns.filter((pattern) => !pattern.startsWith('!'));
  const excluding = patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : []));
  const fits = (pattern: string): boolean => fit(path, pattern);
  return (including.length === 0 || including.some(fits)) && !excluding.some(fits);
}

/** Steps through both, returning to the last star where they part; a regular expression could take exponential time. */
function fit(path: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let mark = 0;
  for (let i = 0; i < path.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      mark = i;
    } else if (pattern[at] === '?' || pattern[at] === path[i]) {
      at++;
      i++;
    } else if (star !== -1) {
      at = star + 1;
      i = ++mark;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
