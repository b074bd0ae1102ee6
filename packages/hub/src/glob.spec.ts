import { expect, test } from 'vitest';
import { matches } from './glob.js';

test.each([
  ['a/b.json', undefined, true],
  ['a/b.json', ['*.json'], true],
  ['a/b.json', ['b.json'], false],
  ['a/b.json', ['a/?.json', '!*.bin'], true],
  ['a/b.bin', ['!*.bin'], false],
  ['a/b.bin', ['*', '!*.bin'], false],
  ['a+b(c).txt', ['a+b(c).txt'], true],
  ['axb', ['a.b'], false],
  [`${'a'.repeat(200)}b`, [`${'*a'.repeat(10)}*c`], false],
])('%s against %j: %s', (path, patterns, expected) => {
  expect(matches(path, patterns)).toBe(expected);
});
