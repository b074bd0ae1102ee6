import { expect, test } from 'vitest';
import { readArguments, splitVerb } from './arguments.js';

const common = { json: false, events: false, quiet: false, help: false };

test.each([
  [['prune', 'm'], 'prune', ['m']],
  [['hub', 'serve', '--port', '1'], 'hub serve', ['--port', '1']],
  [['prune-and-publish'], 'prune-and-publish', []],
])('%j is the verb %s', (argv, verb, rest) => {
  expect(splitVerb(argv)).toEqual({ verb, rest });
});

test.each([
  [['prun'], 'prun: expected a verb, got an unknown one; did you mean prune?'],
  [['hub'], 'hub: expected a verb, got an unknown one; did you mean hub serve?'],
  [['constructor'], "constructor: expected a verb, got an unknown one; run 'neuroprune --help' for the list"],
])('%j is refused', (argv, message) => {
  expect(() => splitVerb(argv)).toThrow(message);
});

test.each([
  ['m --task mrpc --sparsity 0.7', { model: 'm', task: 'mrpc', sparsity: 0.7 }],
  ['--sparsity=.5 m --max-steps=10', { model: 'm', sparsity: 0.5, maxSteps: 10 }],
  ['m --sparsity x', { model: 'm', sparsity: 'x' }],
  ['m --alpha -1', { model: 'm', alpha: -1 }],
  ['m --dry-run --no-offline', { model: 'm', dryRun: true, offline: false }],
  ['m --dry-run=false --offline=perhaps', { model: 'm', dryRun: false, offline: 'perhaps' }],
  ['m --seed 1 --seed 2', { model: 'm', seed: 2 }],
  ['-- --odd-name', { model: '--odd-name' }],
])('prune %s', (line, options) => {
  expect(readArguments('prune', line.split(' '))).toEqual({ options, common });
});

test.each([
  ['m --task rte', ['rte']],
  ['m --task rte,mrpc', ['rte', 'mrpc']],
  ['m --task rte --task mrpc', ['rte', 'mrpc']],
])('evaluate %s asks for %j', (line, task) => {
  expect(readArguments('evaluate', line.split(' ')).options).toEqual({ model: ['m'], task });
});

test.each([
  ['a b,c', { model: ['a', 'b,c'] }],
  ['--task rte a b', { model: ['a', 'b'], task: ['rte'] }],
  ['a --latency-batch 1,32 --latency-batch x', { model: ['a'], latencyBatch: [1, 32, 'x'] }],
])('evaluate %s', (line, options) => {
  expect(readArguments('evaluate', line.split(' ')).options).toEqual(options);
});

test('options of the command line stand apart from those of the verb', () => {
  const argv = ['run', '--json', '--quiet', '--config', 'c.json', '-h', '--to', 'a/b'];
  expect(readArguments('publish', argv)).toEqual({
    options: { run: 'run', to: 'a/b' },
    common: { json: true, events: false, quiet: true, help: true, config: 'c.json' },
  });
});

test.each([
  ['m --taks rte', '--taks: unknown flag; did you mean --task?'],
  ['m --no-task', '--no-task: unknown flag'],
  ['m -x', '-x: unknown flag; add --help for the list'],
  ['m --sparsity --json', '--sparsity: expected a number between 0 and 1, got no value'],
  ['m --sparsity', '--sparsity: expected a number between 0 and 1, got no value'],
  ['m n', 'n: expected MODEL and flags, got one word too many'],
])('prune %s is refused', (line, message) => {
  expect(() => readArguments('prune', line.split(' '))).toThrow(message);
});
