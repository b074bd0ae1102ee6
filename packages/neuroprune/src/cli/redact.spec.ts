import { expect, test } from 'vitest';
import { redact } from './redact.js';

test.each([
  ['token hf_abcDEF123 refused', [], 'token hf_… refused'],
  ['Bearer s3cretvalue!', ['s3cretvalue!'], 'Bearer hf_…'],
  ['half_measure of a shelf_life', [], 'half_measure of a shelf_life'],
  ['short secrets would eat the text', ['t', undefined], 'short secrets would eat the text'],
])('%s', (text, secrets, clean) => {
  expect(redact(text, secrets)).toBe(clean);
});
