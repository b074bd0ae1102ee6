import { expect, test } from 'vitest';
import { checkSameRecipe, type Earlier, firstDifference } from './resume.js';

test.each<[string, unknown, unknown, ReturnType<typeof firstDifference>]>([
  ['the same', { a: [1, { b: null }] }, { a: [1, { b: null }] }, undefined],
  ['a number', { lr: 1 }, { lr: 2 }, { field: 'recipe.lr', before: '1', now: '2' }],
  [
    'inside, the first',
    { method: { name: 'x', gamma: 1 }, seed: 0 },
    { method: { name: 'x', gamma: 2 }, seed: 1 },
    { field: 'recipe.method.gamma', before: '1', now: '2' },
  ],
  ['in a list', { files: ['a', 'b'] }, { files: ['a', 'c'] }, { field: 'recipe.files.1', before: '"b"', now: '"c"' }],
  ['missing now', { maxSteps: 5 }, {}, { field: 'recipe.maxSteps', before: '5', now: 'none' }],
  ['missing before', {}, { baseline: 'dense' }, { field: 'recipe.baseline', before: 'none', now: '"dense"' }],
  ['of another type', { to: null }, { to: {} }, { field: 'recipe.to', before: 'null', now: '{}' }],
])('the first difference: %s', (_, before, now, expected) => {
  expect(firstDifference('recipe', before, now)).toEqual(expected);
});

test('a run that broke may go on by skipping what broke it, and nothing else may differ', () => {
  const recipe = { lr: 1, seed: 0 } as unknown as Earlier['recipe']['recipe'];
  const earlier = { recipe: { recipe }, resumable: true } as unknown as Earlier;
  expect(() => checkSameRecipe(earlier, { ...recipe, onNan: 'skip' }, 'runs/a')).not.toThrow();
  expect(() => checkSameRecipe(earlier, { ...recipe, device: 'webgpu' }, 'runs/a')).not.toThrow();
  expect(() => checkSameRecipe(earlier, { ...recipe, onNan: 'skip', lr: 2 }, 'runs/a')).toThrow('recipe.lr');
});
