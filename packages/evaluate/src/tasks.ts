import { EvaluateError } from './error.js';
import type { MetricKey, MetricName } from './metrics/metrics.js';

/** Default training settings of a task; AdamW, weight decay on matrices only, linear to 0, no clipping, last step counts. */
export interface Recipe {
  readonly epochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  /** Longest row in tokens, special tokens included. */
  readonly maxLength: number;
  readonly weightDecay: number;
  /** Share of the steps in which the rate rises from 0. */
  readonly warmup: number;
  readonly dropout: number;
  readonly schedule: 'linear' | 'cosine' | 'constant';
}

/** A text classification or regression task, as data. */
export interface Task {
  readonly name: string;
  /** Raised whenever a change of the row changes its numbers, so that results of different versions are not compared. */
  readonly version: number;
  /** Data set on the Hub, its configuration there, and the branch, tag or commit that is read; a local folder has none. */
  readonly dataset: { readonly id: string; readonly config?: string; readonly revision?: string };
  /** The data set's name of each split; GLUE's test rows carry no labels. */
  readonly splits: Readonly<Record<'train' | 'validation' | 'test', string>>;
  /** One text column, or the two of a pair. */
  readonly sentences: readonly [string] | readonly [string, string];
  readonly labelColumn: string;
  /** Class names by the model's index, or `'score'` for regression on a number. */
  readonly labels: readonly string[] | 'score';
  /** The model's index of a class by the text of the label in the data; where absent, the data have index or name. */
  readonly classes?: Readonly<Record<string, number>>;
  /** Whether `labels` are only those that were met in the data, so that a model may know more. */
  readonly labelsSeen?: boolean;
  /** Column whose values tell rows apart and may not come twice; where absent, `idx` names rows if it is there. */
  readonly idColumn?: string;
  /** The value that stands in the label column of a row without a label; null and nothing say the same. */
  readonly noLabel?: number;
  /** Whether an empty text is an error; some GLUE tasks have such rows. */
  readonly refusesEmpty?: boolean;
  readonly metrics: readonly MetricName[];
  /** The value that compares models on this task. */
  readonly mainMetric: MetricKey;
  /** Which way `mainMetric` is better. */
  readonly direction: 'higher' | 'lower';
  /** The file that the GLUE leaderboard takes for the task, and whether it has the names of classes or their indices. */
  readonly submission?: { readonly file: string; readonly labels: 'names' | 'indices' };
  readonly pipelineTag: 'text-classification';
  readonly recipe: Recipe;
}

/** The recipe that all tasks share but for epochs and rate. */
export const recipe = (epochs: number, learningRate: number): Recipe => ({
  epochs,
  learningRate,
  batchSize: 32,
  maxLength: 128,
  weightDecay: 0.01,
  warmup: 0.06,
  dropout: 0.1,
  schedule: 'linear',
});

type GlueRow = Pick<Task, 'sentences' | 'labels' | 'metrics' | 'mainMetric' | 'recipe' | 'submission'> &
  Partial<Pick<Task, 'splits' | 'dataset'>>;

const glueData = (config: string) => ({ id: 'nyu-mll/glue', config, revision: 'main' });

const glueTask = <Name extends string>(name: Name, row: GlueRow) => ({
  name,
  version: 1,
  dataset: glueData(name),
  splits: { train: 'train', validation: 'validation', test: 'test' },
  labelColumn: 'label',
  noLabel: -1,
  direction: 'higher' as const,
  pipelineTag: 'text-classification' as const,
  ...row,
});

const pair = ['sentence1', 'sentence2'] as const;
const unmeasured = recipe(3, 1e-4);

const inference = {
  sentences: ['premise', 'hypothesis'],
  labels: ['entailment', 'neutral', 'contradiction'],
  metrics: ['accuracy'],
  mainMetric: 'accuracy',
  recipe: unmeasured,
} as const;

const indices = (file: string) => ({ file, labels: 'indices' }) as const;
const names = (file: string) => ({ file, labels: 'names' }) as const;

const trained = {
  cola: glueTask('cola', {
    submission: indices('CoLA.tsv'),
    sentences: ['sentence'],
    labels: ['unacceptable', 'acceptable'],
    metrics: ['matthewsCorrelation'],
    mainMetric: 'matthews_correlation',
    recipe: recipe(6, 8e-5),
  }),
  sst2: glueTask('sst2', {
    submission: indices('SST-2.tsv'),
    sentences: ['sentence'],
    labels: ['negative', 'positive'],
    metrics: ['accuracy'],
    mainMetric: 'accuracy',
    recipe: recipe(1, 1e-4),
  }),
  mrpc: glueTask('mrpc', {
    submission: indices('MRPC.tsv'),
    sentences: pair,
    labels: ['not_equivalent', 'equivalent'],
    metrics: ['accuracy', 'f1'],
    mainMetric: 'accuracy',
    recipe: recipe(8, 1e-4),
  }),
  stsb: glueTask('stsb', {
    submission: indices('STS-B.tsv'),
    sentences: pair,
    labels: 'score',
    metrics: ['pearson', 'spearman'],
    mainMetric: 'spearmanr',
    recipe: recipe(6, 2e-4),
  }),
  qqp: glueTask('qqp', {
    submission: indices('QQP.tsv'),
    sentences: ['question1', 'question2'],
    labels: ['not_duplicate', 'duplicate'],
    metrics: ['accuracy', 'f1'],
    mainMetric: 'accuracy',
    recipe: unmeasured,
  }),
  mnli: glueTask('mnli', {
    ...inference,
    submission: names('MNLI-m.tsv'),
    splits: { train: 'train', validation: 'validation_matched', test: 'test_matched' },
  }),
  qnli: glueTask('qnli', {
    submission: names('QNLI.tsv'),
    sentences: ['question', 'sentence'],
    labels: ['entailment', 'not_entailment'],
    metrics: ['accuracy'],
    mainMetric: 'accuracy',
    recipe: unmeasured,
  }),
  rte: glueTask('rte', {
    submission: names('RTE.tsv'),
    sentences: pair,
    labels: ['entailment', 'not_entailment'],
    metrics: ['accuracy'],
    mainMetric: 'accuracy',
    recipe: recipe(8, 6e-5),
  }),
  wnli: glueTask('wnli', {
    submission: indices('WNLI.tsv'),
    sentences: pair,
    labels: ['not_entailment', 'entailment'],
    metrics: ['accuracy'],
    mainMetric: 'accuracy',
    recipe: unmeasured,
  }),
} satisfies Record<string, Task>;

const scored = {
  'mnli-mm': glueTask('mnli-mm', {
    ...inference,
    dataset: glueData('mnli'),
    submission: names('MNLI-mm.tsv'),
    splits: { train: 'train', validation: 'validation_mismatched', test: 'test_mismatched' },
  }),
  // The diagnostic set has one split, whose labels the Hub does not show.
  ax: glueTask('ax', {
    ...inference,
    submission: names('AX.tsv'),
    splits: { train: 'test', validation: 'test', test: 'test' },
    metrics: ['matthewsCorrelation'],
    mainMetric: 'matthews_correlation',
  }),
} satisfies Record<string, Task>;

/**
 * Every task by name: the nine of GLUE with its official metrics (https://gluebenchmark.com) and our training recipes, and the
 * two that are only scored, by a model of MNLI: its mismatched split and the diagnostic set AX.
 */
export const tasks = { ...trained, ...scored };

// Object.keys types its result as string[]; the table is a constant.
/** Names of the tasks that a model can be trained on. */
export const trainedTasks = Object.keys(trained) as [keyof typeof trained, ...(keyof typeof trained)[]];

/** Name of a task in `tasks`. */
export type TaskName = keyof typeof tasks;

/** Names of the GLUE tasks, which `glue` stands for. */
export const glue = ['cola', 'sst2', 'mrpc', 'stsb', 'qqp', 'mnli', 'qnli', 'rte', 'wnli'] as const;

const isTaskName = (name: string): name is TaskName => Object.hasOwn(tasks, name);

/** The tasks of a comma-separated list of names, `glue` being all nine, each once and in the order asked; throws on an unknown name. */
export function resolveTasks(list: string): readonly Task[] {
  const names = list.split(',').flatMap((part): readonly string[] => (part.trim() === 'glue' ? glue : [part.trim()]));
  return [...new Set(names)].map((name) => {
    if (isTaskName(name)) return tasks[name];
    throw new EvaluateError(
      'input',
      `task '${name}': expected one of ${Object.keys(tasks).join(', ')}, or glue for the nine`,
    );
  });
}

/** Outputs of a model for the task: its classes, or 1 for a score. */
export const outputCount = (task: Task): number => (task.labels === 'score' ? 1 : task.labels.length);
