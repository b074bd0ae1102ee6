import { z } from 'zod';
import { dataset, splits, task } from './data.js';
import { smallerDtypes } from './dtype.js';
import { count, device, model, offline, option, text, threads } from './options.js';
import { recipeOptions } from './recipe.js';

const positive = z.number().gt(0);
const notNegative = z.number().min(0);
const recipe = { 'x-default': "the task's recipe" } as const;
const share = z.number().min(0).lt(1);

/** Options of every verb that trains; what has no default here comes from the task's recipe. */
export const training = {
  model,
  tokenizer: option(text.optional(), {
    description: 'Hub id or folder of the tokenizer, for a model that has none or another',
    'x-default': "the model's own",
  }),
  task,
  ...dataset,
  ...splits,
  sourcePrefix: option(text.optional(), {
    description: 'Text before each source of a translation or a summary, such as a T5 was trained with',
    'x-default': 'none',
  }),
  sourceSuffix: option(text.optional(), { description: 'Text after each source', 'x-default': 'none' }),
  writeRows: option(count(0).optional(), {
    description: "Validation rows for which the trained model writes texts, scored by the task's metrics; 0 for none",
    'x-default': '200',
  }),
  epochs: option(positive.optional(), {
    description: 'Passes over the training rows',
    ...recipe,
  }),
  maxSteps: option(count(1).optional(), { description: 'Stop after this many optimizer steps' }),
  batchSize: option(count(1).optional(), {
    description: 'Rows of a batch; a step takes --accumulate of them',
    ...recipe,
  }),
  lr: option(positive.optional(), { description: 'Highest learning rate', ...recipe }),
  schedule: option(z.enum(['linear', 'cosine', 'constant', 'one-cycle']).optional(), {
    description: "Course of the learning rate after the warm-up; one-cycle as PyTorch's OneCycleLR",
    ...recipe,
  }),
  warmup: option(share.optional(), {
    description: 'Share of the steps in which the learning rate rises',
    'x-default': "the task's recipe, or 0.3 with --schedule one-cycle",
  }),
  weightDecay: option(notNegative.optional(), {
    description: 'Decoupled weight decay of all but norms and biases',
    ...recipe,
  }),
  ...recipeOptions,
  dropout: option(share.optional(), { description: 'Dropout probability', ...recipe }),
  maxLength: option(count(8).optional(), {
    description: 'Tokens after which a row is cut',
    ...recipe,
  }),
  packing: option(z.boolean().default(false), {
    description: 'Train on sequences that hold several rows each, every one of which attends to itself alone',
  }),
  seed: option(count(0).default(0), { description: 'Seed of the order of rows, the dropout and new weights' }),
  threads,
  device,
  dtype: option(smallerDtypes.optional(), {
    description: 'Further precisions of the ONNX files, by the names of transformers.js, each scored too',
    'x-value': 'fp16|q8|q4|q4f16,…',
    'x-default': 'float32 alone',
  }),
  out: option(text.optional(), {
    description: 'Run folder',
    'x-default': 'a name made of model, task and method under runs/',
    'x-value': 'DIR',
  }),
  resume: option(z.boolean().default(false), {
    description: 'Go on with the run in the run folder where it was stopped; asked for the same, it ends the same',
  }),
  checkpointEvery: option(
    z
      .string()
      .regex(/^([1-9]\d*|\d+(\.\d+)?[smh])$/)
      .default('5m'),
    {
      description:
        'Steps or time between two checkpoints, such as 500, 90s or 5m; after half of a time, the end of an epoch has one too',
      'x-value': 'N|Ns|Nm|Nh',
    },
  ),
  keepCheckpoints: option(count(1).default(2), { description: 'Checkpoints that stay, the newest' }),
  onNan: option(z.enum(['stop', 'skip']).default('stop'), {
    description: 'What becomes of a step whose loss or gradient is not finite: the end of the run, or nothing',
  }),
  tensorboard: option(z.boolean().default(false), {
    description: 'Write event files that TensorBoard reads into tensorboard/ of the run folder',
  }),
  dryRun: option(z.boolean().default(false), {
    description: 'Say what the run would do, take and write, with the time of steps that are tried, then stop',
  }),
  offline,
} as const;
