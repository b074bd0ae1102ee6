import { expect, test } from 'vitest';
import { parseOptions } from '../schema/parse.js';
import { methodOf, methodTitle } from './method.js';

const of = (options: object) => methodOf(parseOptions('prune', { model: 'a/b', task: 'sst2', ...options }));

test.each([
  [{ method: 'dense' }, { name: 'dense' }, 'dense'],
  [{ method: 'gradual', sparsity: 0.5 }, { name: 'gradual', sparsity: 0.5 }, 'gradual'],
  [
    { sparsity: 0.7, heads: 14 },
    { name: 'neuroprune', solver: 'threshold', sparsity: 0.7, heads: 14, outGrouping: 'joint', gamma: 1 },
    'neuroprune',
  ],
  [
    { sparsity: 0.7, theta: 0.2, gamma: 0.5, outGrouping: 'unit' },
    { name: 'neuroprune', solver: 'threshold', sparsity: 0.7, theta: 0.2, outGrouping: 'unit', gamma: 0.5 },
    'neuroprune',
  ],
  [
    { solver: 'subgradient', sparsity: 0.7, alpha: 1e-4, beta: 0 },
    { name: 'neuroprune', solver: 'subgradient', sparsity: 0.7, alpha: 1e-4, beta: 0, outGrouping: 'joint' },
    'neuroprune (subgradient)',
  ],
])('%o', (options, method, title) => {
  expect(of(options)).toEqual(method);
  expect(methodTitle(of(options))).toBe(title);
});

test.each([
  [{ solver: 'subgradient', sparsity: 0.7, beta: 1 }, '--alpha: required with --solver subgradient'],
  [{ solver: 'subgradient', sparsity: 0.7, alpha: 1 }, '--beta: required with --solver subgradient'],
])('%o is refused', (options, message) => {
  expect(() => of(options)).toThrow(message);
});
