import { expect, expectTypeOf, test } from 'vitest';
import { NeuropruneError } from '../error.js';
import { TrainedTaskName } from './data.js';
import { TaskName } from './options.js';
import { parseOptions } from './parse.js';
import type { VerbName, VerbOptions } from './verbs.js';

const TASKS = TrainedTaskName.options.join(', ');
const SCORED = `${TaskName.options.join(', ')}, mnli-mm, ax, summarization, translation, perplexity, cnn-dailymail, xsum, samsum, wmt14, iwslt2017, multi30k, wikitext, glue`;
const prune = { model: 'org/name', task: 'mrpc', sparsity: 0.7 };

function message(verb: VerbName, input: unknown): string {
  try {
    parseOptions(verb, input, ({ flag }) => `--${flag}`);
  } catch (error) {
    expect(error).toBeInstanceOf(NeuropruneError);
    expect(error).toHaveProperty('kind', 'input');
    return (error as Error).message;
  }
  return 'accepted';
}

test('defaults are filled in; what belongs to the recipe stays open', () => {
  const options = parseOptions('prune', prune);
  expectTypeOf(options).toEqualTypeOf<VerbOptions<'prune'>>();
  expect(options).toEqual({
    ...prune,
    ...{ seed: 0, device: 'auto', dryRun: false, offline: false, cache: true, packing: false },
    ...{ resume: false, checkpointEvery: '5m', keepCheckpoints: 2 },
    ...{ onNan: 'stop', tensorboard: false, accumulate: 1, keepBest: false, seeds: 1 },
    ...{ method: 'neuroprune', solver: 'threshold', outGrouping: 'joint', gamma: 1 },
  });
});

test.each<[VerbName, unknown, string]>([
  ['prune', { ...prune, sparsity: 1.2 }, '--sparsity: expected a number between 0 and 1, got 1.2'],
  ['prune', { ...prune, sparsity: 0 }, '--sparsity: expected a number between 0 and 1, got 0'],
  ['prune', { ...prune, sparsity: 1 }, '--sparsity: expected a number between 0 and 1, got 1'],
  ['prune', { ...prune, sparsity: 'half' }, '--sparsity: expected a number between 0 and 1, got half'],
  ['prune', { ...prune, sparsity: undefined }, '--sparsity: required with --method neuroprune'],
  ['prune', { ...prune, heads: 1.5 }, '--heads: expected a whole number of at least 1, got 1.5'],
  ['prune', { ...prune, task: 'mprc' }, `--task: expected one of ${TASKS}, got mprc; did you mean mrpc?`],
  ['prune', { ...prune, model: '' }, '--model: expected MODEL, got an empty text'],
  ['prune', { ...prune, spasity: 1 }, 'spasity: unknown option; did you mean sparsity?'],
  ['prune', { ...prune, alpha: 1 }, '--alpha: acts only with --solver subgradient, got --solver threshold'],
  [
    'prune',
    { ...prune, gamma: 1, solver: 'subgradient' },
    '--gamma: acts only with --solver threshold, got --solver subgradient',
  ],
  [
    'prune',
    { ...prune, heads: 3, method: 'gradual' },
    '--heads: acts only with --method neuroprune, got --method gradual',
  ],
  [
    'prune',
    { ...prune, method: 'dense' },
    '--sparsity: acts only with --method neuroprune or gradual, got --method dense',
  ],
  ['prune', { task: 'mrpc' }, '--model: required; expected MODEL'],
  ['prune', { model: 'm', task: 'mrpc', method: 'dense' }, 'accepted'],
  ['prune', { ...prune, solver: 'subgradient', alpha: 1e-4 }, 'accepted'],
  ['prune', 7, 'options: expected an object, got 7'],
  ['finetune', { model: 'm', task: 'rte', sparsity: 0.5 }, 'sparsity: unknown option'],
  ['finetune', { model: 'm' }, `--task: required without --dataset; expected one of ${TASKS}`],
  [
    'finetune',
    { model: 'm', task: 'sst2', sourcePrefix: 'x' },
    '--source-prefix: acts only on tasks of summarization and translation, got none',
  ],
  [
    'prune',
    { ...prune, task: 'perplexity', sourceSuffix: 'x' },
    '--source-suffix: acts only on tasks of summarization and translation, got none',
  ],
  [
    'finetune',
    { model: 'm', task: 'translation', dataset: 'd', metric: 'f1' },
    '--metric: acts only on classes and scores',
  ],
  ['finetune', { model: 'm', dataset: './d', columns: 'a', label: 'l', metric: ['f1', 'accuracy'] }, 'accepted'],
  ['finetune', { model: 'm', task: 'rte', dataset: 'd' }, '--dataset: expected --task or --dataset, got both'],
  ['prune', { ...prune, columns: ['a'] }, '--columns: acts only with --dataset, got none'],
  ['finetune', { model: 'm', task: 'rte', trainSplit: 'a' }, '--train-split: acts only with --dataset, got none'],
  [
    'finetune',
    { model: 'm', dataset: 'd', metric: 'acuracy' },
    '--metric: expected one or more of accuracy, f1, precision, recall, matthews_correlation, pearson, spearmanr, got acuracy; did you mean accuracy?',
  ],
  ['finetune', { model: 'm', dataset: 'd', columns: [] }, '--columns: expected NAME[,NAME], got []'],
  ['evaluate', { model: 'm' }, `--task: required without --dataset; expected one of ${SCORED}`],
  ['evaluate', { model: 'm', dataset: 'd', split: 'dev' }, 'accepted'],
  ['evaluate', { model: 'm', task: 'rte', split: 'dev' }, '--split: expected one of train, validation, test, got dev'],
  ['evaluate', { model: 'm', task: 'rte' }, 'accepted'],
  ['evaluate', { model: 'm', task: ['rte', 'sst'] }, `--task: expected one or more of ${SCORED}, got ["rte","sst"]`],
  ['evaluate', { model: ['sst2=a', 'rte=b'] }, 'accepted'],
  ['evaluate', { model: ['sst2=a', 'b'] }, `--task: required without --dataset; expected one of ${SCORED}`],
  [
    'evaluate',
    { model: 'm', task: 'rte', latencyBatch: 1 },
    '--latency-batch: acts only with --latency true, got --latency false',
  ],
  ['evaluate', { model: 'm', task: 'rte', few: true, limit: 3 }, '--few: expected --few or --limit, got both'],
  ['evaluate', { model: 'm', task: 'rte', resume: true }, '--resume: acts only with --out, got none'],
  [
    'evaluate',
    { model: 'm', task: 'rte', failBelow: 'accuracy>1' },
    '--fail-below: expected [TASK.]METRIC=X, got accuracy>1',
  ],
  [
    'evaluate',
    { model: 'm', task: 'rte', failBelow: ['rte.accuracy=0.5', 'f1=.5'] },
    '--fail-below: expected [TASK.]METRIC=X, got ["rte.accuracy=0.5","f1=.5"]',
  ],
  [
    'evaluate',
    { model: 'm', task: 'rte', glueSubmission: 'g', split: 'train' },
    '--glue-submission: expected the split test, got train',
  ],
  [
    'evaluate',
    { model: 'm', dataset: 'd', glueSubmission: 'g' },
    '--glue-submission: expected tasks of GLUE, got --dataset',
  ],
  ['publish', { run: 'runs/a', to: 'a' }, '--to: expected ORG/NAME, got a'],
  ['publish', { run: 'runs/a', to: '../a/b' }, '--to: expected ORG/NAME, got ../a/b'],
  ['convert', { model: 'm' }, '--out: required without --verify or --dry-run'],
  ['convert', { model: 'm', verify: 'g' }, 'accepted'],
  ['hub serve', { port: 70_000 }, '--port: expected a whole number from 0 to 65535, got 70000'],
  ['hub serve', { token: 'secret' }, '--token: expected hf_TOKEN, got something else'],
])('%s with %j: %s', (verb, input, expected) => {
  expect(message(verb, input)).toBe(expected);
});

test('all wrong options are named in one line', () => {
  expect(message('prune', { task: 'x', sparsity: 2 })).toBe(
    `--model: required; expected MODEL; --task: expected one of ${TASKS}, got x; ` +
      '--sparsity: expected a number between 0 and 1, got 2',
  );
});
