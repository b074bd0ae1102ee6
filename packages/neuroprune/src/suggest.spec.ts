import { expect, test } from 'vitest';
import { closest } from './suggest.js';

const words = ['prune', 'publish', 'evaluate', 'sparsity'];

test.each([
  ['prun', 'prune'],
  ['publsih', 'publish'],
  ['pruen', 'prune'],
  ['sparsty', 'sparsity'],
  ['evaluate', 'evaluate'],
  ['xyz', undefined],
  ['', undefined],
])('the word nearest to "%s" is %s', (word, expected) => {
  expect(closest(word, words)).toBe(expected);
});

test('of two near words the nearer one is meant', () => {
  expect(closest('prunes', ['prince', 'prune'])).toBe('prune');
});
