// The characters for which Python's str.isspace() holds. JavaScript's \s has U+FEFF besides, and not U+001C to U+001F and U+0085.
const spaces = `\\t-\\r${String.fromCharCode(0x1c)}- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000`;
const between = new RegExp(`[${spaces}]+`);
const atStart = new RegExp(`^[${spaces}]+`);
const isSpace = new RegExp(`[${spaces}]`);

/** Python's `str.rstrip()`. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Python's `str.strip()`. */
export const strip = (text: string): string => stripEnd(text).replace(atStart, '');

/** Python's `str.split()`: words between white space. */
export const splitWords = (text: string): string[] => {
  const stripped = strip(text);
  return stripped === '' ? [] : stripped.split(between);
};
