import { textTasks } from '@neuroprune/evaluate';
import { z } from 'zod';
import { option, TaskName, text } from './options.js';
import { TextTask } from './writing.js';

const found = { 'x-default': 'found by the usual names' } as const;

/** Metrics by their keys in Hugging Face evaluate. */
export const MetricKey = z.enum([
  'accuracy',
  'f1',
  'precision',
  'recall',
  'matthews_correlation',
  'pearson',
  'spearmanr',
]);

const list = <T extends z.ZodType>(type: T) =>
  z.union([type, z.array(type).min(1)]).transform((items): z.output<T>[] => [items].flat() as z.output<T>[]);

/** Options that say which rows are used, of every verb that reads any. */
export const dataset = {
  dataset: option(text.optional(), {
    description: 'Data set to use in place of a task: a Hub id, or a folder of parquet, CSV, TSV or JSON lines',
    'x-value': 'ID|DIR',
  }),
  datasetConfig: option(text.optional(), {
    description: 'Configuration of the data set',
    'x-default': "the data set's own",
    'x-value': 'NAME',
  }),
  columns: option(list(text).optional(), {
    description: 'Text column, or the two of a pair',
    'x-value': 'NAME[,NAME]',
    ...found,
  }),
  label: option(text.optional(), { description: 'Column of labels', 'x-value': 'NAME', ...found }),
  metric: option(list(MetricKey).optional(), {
    description: 'Metrics; pearson and spearmanr make it a regression',
    'x-default': "accuracy, or pearson and spearmanr, by the label's type",
  }),
  idColumn: option(text.optional(), {
    description: 'Column whose values may not come twice; none for none',
    'x-default': 'idx or id where there is one',
    'x-value': 'NAME',
  }),
  cache: option(z.boolean().default(true), {
    description: 'Keep token ids in the cache, and use those it holds; --no-cache for neither',
  }),
} as const;

/** Options of the splits, of the verbs that train. */
export const splits = {
  trainSplit: option(text.optional(), { description: 'Split to train on', 'x-default': 'train', 'x-value': 'NAME' }),
  validationSplit: option(text.optional(), {
    description: 'Split to score on',
    'x-default': 'validation, or a tenth of the training rows held out by the seed where there is none',
    'x-value': 'NAME',
  }),
} as const;

/** Tasks that a model can be trained on: of classes and scores, and of texts. */
export const TrainedTaskName = z.enum([...TaskName.options, ...TextTask.options]);

/** The one task of a training verb. */
export const task = option(TrainedTaskName.optional(), {
  description: 'Task whose data set, metric and recipe are used; required without --dataset',
});

const needDataset = ['datasetConfig', 'columns', 'label', 'metric', 'idColumn', 'trainSplit', 'validationSplit'];

/** What is of no use to tasks of texts. */
const ofClasses = ['metric', 'idColumn'] as const;

/** What acts only where a source is read to write something else. */
const ofSources = ['sourcePrefix', 'sourceSuffix', 'writeRows'] as const;

interface Asked {
  readonly task?: unknown;
  readonly metric?: unknown;
  readonly idColumn?: unknown;
  readonly sourcePrefix?: unknown;
  readonly sourceSuffix?: unknown;
  readonly writeRows?: unknown;
  readonly dataset?: string | undefined;
}

/** Exactly one of task and data set; what says how to read a data set needs one. */
export function requireData(
  asked: Asked,
  issues: z.core.$RefinementCtx,
  names: readonly string[] = TrainedTaskName.options,
): void {
  const { task, dataset } = asked;
  const complain = (path: string, message: string): void => {
    issues.addIssue({ code: 'custom', path: [path], message });
  };
  const ofTexts = TextTask.safeParse(task).success;
  if (task === undefined && dataset === undefined)
    complain('task', `required without --dataset; expected one of ${names.join(', ')}`);
  if (task !== undefined && dataset !== undefined && !ofTexts)
    complain('dataset', 'expected --task or --dataset, got both');
  if (ofTexts)
    for (const name of ofClasses) if (asked[name] !== undefined) complain(name, 'acts only on classes and scores');
  const writes = TextTask.safeParse(task).data;
  if (!writes || textTasks[writes].kind !== 'generation')
    for (const name of ofSources)
      if (asked[name] !== undefined) complain(name, 'acts only on tasks of summarization and translation, got none');
  if (dataset !== undefined) return;
  const given = Object.entries(asked).filter(([name, value]) => needDataset.includes(name) && value !== undefined);
  for (const [name] of given) complain(name, 'acts only with --dataset, got none');
}
