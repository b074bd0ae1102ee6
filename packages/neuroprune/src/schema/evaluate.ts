import { z } from 'zod';
import { dataset, MetricKey, requireData } from './data.js';
import { argument, count, DeviceName, device, offline, option, ScoredTaskName, text, threads } from './options.js';
import { requireTextTask, TextTask, writing } from './writing.js';

/** Tasks of classes, scores and texts. */
const AnyTask = z.enum([...ScoredTaskName.options, ...TextTask.options]);

/** A task, or `glue` for all nine. */
const TaskOrSuite = z.enum([...AnyTask.options, 'glue']);

/** Metrics of classes and scores, and those of texts by their names. */
const AnyMetric = z.enum([...MetricKey.options, 'bleu', 'chrf', 'ter', 'rouge', 'exact_match', 'perplexity']);

/** `accuracy=0.9`, or `sst2.accuracy=0.9`. */
const Floor = z.string().regex(/^([\w-]+\.)?\w+=-?\d+(\.\d+)?$/);

const list = <T extends z.ZodType>(type: T) =>
  z.union([type, z.array(type).min(1)]).transform((items): z.output<T>[] => [items].flat() as z.output<T>[]);

/** Forms of the table of scores. */
export const TableFormat = z.enum(['table', 'markdown', 'csv', 'json']);
export type TableFormat = z.output<typeof TableFormat>;

const latency = { latency: ['true'] } as const;

/** Runs the harness over one or more models and tasks. */
export const EvaluateOptions = z
  .strictObject({
    model: option(list(text), {
      description: 'Hub ids, folders of models or runs, ONNX files; TASK=MODEL scores one on that task alone',
      'x-value': 'MODEL',
      ...argument(0),
    }),
    task: option(list(TaskOrSuite).optional(), {
      description: 'Tasks, separated by commas; glue stands for the nine; required without --dataset or TASK=MODEL',
    }),
    ...dataset,
    dataset: option(text.optional(), {
      description:
        'Data set to use in place of a task, or of that of tasks of text: a Hub id, or a folder of parquet, CSV, TSV or JSON lines',
      'x-value': 'ID|DIR',
    }),
    datasetRevision: option(text.optional(), {
      description: 'Branch, tag or commit of the data set',
      'x-default': 'main',
      'x-value': 'NAME',
    }),
    columns: option(list(text).optional(), {
      description: 'Text column, or the two of a pair; of texts, source and reference (translation.de is a field)',
      'x-value': 'NAME[,NAME]',
      'x-default': 'found by the usual names',
    }),
    metric: option(list(AnyMetric).optional(), {
      description: 'Metrics; pearson and spearmanr make it a regression',
      'x-default': "the task's; accuracy, or pearson and spearmanr, by the label's type",
    }),
    ...writing,
    split: option(text.optional(), {
      description: 'Rows to evaluate on: train, validation or test of a task, any split of a data set',
      'x-default': 'validation, or test with --glue-submission',
      'x-value': 'NAME',
    }),
    limit: option(count(1).optional(), { description: 'Evaluate only the first rows' }),
    few: option(z.boolean().default(false), {
      description: 'Evaluate only 16 rows of each task, to see that all works',
    }),
    batchSize: option(count(1).default(32), { description: 'Rows evaluated at once' }),
    tokenizer: option(text.optional(), {
      description: 'Folder of the tokenizer and config.json of ONNX files that have none',
      'x-default': 'the folder of the file, or the one above',
      'x-value': 'DIR',
    }),
    resamples: option(count(0).default(1000), {
      description: 'Resamples for confidence intervals and for comparisons with the first model; 0 for none',
    }),
    latency: option(z.boolean().default(false), {
      description: 'Measure milliseconds and rows a second of each model, the models taking turns',
    }),
    latencyDevice: option(list(DeviceName).optional(), {
      description: 'Devices that are measured, one after another',
      'x-default': 'that of the scores',
      'x-value': 'DEVICE[,DEVICE]',
      'x-with': latency,
    }),
    latencyBatch: option(list(count(1)).optional(), {
      description: 'Rows of the batches that are measured',
      'x-default': '1,32',
      'x-value': 'N[,N]',
      'x-with': latency,
    }),
    latencyLength: option(list(count(4)).optional(), {
      description: 'Tokens of the rows that are measured',
      'x-default': '16,128',
      'x-value': 'N[,N]',
      'x-with': latency,
    }),
    latencyRepeats: option(count(1).optional(), {
      description: 'Measurements of each, after 3 to warm up',
      'x-default': '20',
      'x-with': latency,
    }),
    format: option(TableFormat.default('table'), { description: 'How the scores are printed' }),
    out: option(text.optional(), {
      description: 'Folder for evaluation.json, .md and .csv, and predictions/<task>.ndjson',
      'x-default': 'none are written',
      'x-value': 'DIR',
    }),
    resume: option(z.boolean().default(false), {
      description: 'Go on with an evaluation in --out that was stopped',
    }),
    failBelow: option(list(Floor).optional(), {
      description: 'Fail (exit code 1) where a metric is lower',
      'x-default': 'never',
      'x-value': '[TASK.]METRIC=X',
    }),
    failAbove: option(list(Floor).optional(), {
      description: 'Fail (exit code 1) where a metric is higher, such as perplexity',
      'x-default': 'never',
      'x-value': '[TASK.]METRIC=X',
    }),
    glueSubmission: option(text.optional(), {
      description: 'Folder for the files that the GLUE leaderboard takes',
      'x-default': 'none are written',
      'x-value': 'DIR',
    }),
    cache: option(z.boolean().default(true), {
      description: 'Keep predictions in the cache, and use those it holds; --no-cache for neither',
    }),
    threads,
    device,
    offline,
  })
  .superRefine(requireRows)
  .superRefine(requireSplit)
  .superRefine(requireTogether)
  .superRefine((asked, issues) => requireTextTask(asked, namesOf(asked), issues));

interface Asked {
  readonly model: readonly string[];
  readonly task?: readonly string[] | undefined;
  readonly dataset?: string | undefined;
  readonly datasetRevision?: string | undefined;
  readonly idColumn?: string | undefined;
  readonly metric?: readonly string[] | undefined;
  readonly split?: string | undefined;
  readonly limit?: number | undefined;
  readonly few: boolean;
  readonly resume: boolean;
  readonly out?: string | undefined;
  readonly glueSubmission?: string | undefined;
}

/** A model as it was asked, and the task it names. */
export interface AskedModel {
  readonly id: string;
  readonly task?: z.output<typeof AnyTask>;
}

/** Takes `TASK=MODEL` apart; any other word is a model. */
export function askedModel(word: string): AskedModel {
  const at = word.indexOf('=');
  const task = AnyTask.safeParse(word.slice(0, Math.max(0, at)));
  return task.success ? { task: task.data, id: word.slice(at + 1) } : { id: word };
}

/** Names of all tasks that are asked. */
const namesOf = ({ task = [], model }: Pick<Asked, 'task' | 'model'>): readonly string[] => [
  ...task,
  ...model.flatMap((word) => askedModel(word).task ?? []),
];

function requireRows(asked: Asked, issues: z.core.$RefinementCtx): void {
  const named = asked.model.every((word) => askedModel(word).task !== undefined);
  const names = namesOf(asked);
  // A task of text may read another data set than its own.
  const texts = names.length > 0 && names.every((name) => TextTask.safeParse(name).success);
  if (texts && asked.idColumn !== undefined) complain(issues, 'idColumn', 'acts only on tasks of classes and scores');
  if (asked.dataset !== undefined && texts) return;
  const metric = asked.metric?.find((name) => !MetricKey.safeParse(name).success);
  if (metric !== undefined && asked.dataset !== undefined)
    complain(issues, 'metric', `${metric} acts only on tasks of text; name one with --task`);
  if (!named || asked.task !== undefined || asked.dataset !== undefined)
    requireData(asked, issues, TaskOrSuite.options);
  if (asked.dataset === undefined && asked.datasetRevision !== undefined)
    complain(issues, 'datasetRevision', 'acts only with --dataset, got none');
}

/** Every task has the same three splits. */
function requireSplit({ dataset: id, split }: Asked, issues: z.core.$RefinementCtx): void {
  if (id !== undefined || split === undefined || ['train', 'validation', 'test'].includes(split)) return;
  complain(issues, 'split', `expected one of train, validation, test, got ${split}`);
}

function requireTogether(asked: Asked, issues: z.core.$RefinementCtx): void {
  const { limit, few, resume, out, glueSubmission, dataset: id, split } = asked;
  if (few && limit !== undefined) complain(issues, 'few', 'expected --few or --limit, got both');
  if (resume && out === undefined) complain(issues, 'resume', 'acts only with --out, got none');
  if (glueSubmission === undefined) return;
  if (id !== undefined) complain(issues, 'glueSubmission', 'expected tasks of GLUE, got --dataset');
  if (split !== undefined && split !== 'test')
    complain(issues, 'glueSubmission', `expected the split test, got ${split}`);
}

function complain(issues: z.core.$RefinementCtx, name: string, message: string): void {
  issues.addIssue({ code: 'custom', path: [name], message });
}
