import path from 'node:path';
import {
  isTextTaskName,
  metricFacts,
  resolveTasks,
  type Task,
  type TaskName,
  type TextMetricChoice,
  type TextTask,
  type TextTaskName,
  tasks,
  textTask,
} from '@neuroprune/evaluate';
import { NeuropruneError } from '../error.js';
import { askedModel } from '../schema/evaluate.js';
import type { VerbOptions } from '../schema/verbs.js';

/** A model to be scored, on a task of classes and scores or on the data set of the options. */
export interface ClassPair {
  /** The model as it was asked, without a task. */
  readonly model: string;
  readonly task: TaskName | undefined;
  /** A name for the model's files, different for different models. */
  readonly folder: string;
  readonly text?: undefined;
}

/** A model to be scored on a task of text. */
export interface TextPair extends Pick<ClassPair, 'model' | 'folder'> {
  readonly task: TextTaskName;
  /** With the data set and the metrics of the options in place of its own. */
  readonly text: TextTask;
}

/** A model and what it is scored on. */
export type Pair = ClassPair | TextPair;

/** What a model of MNLI is scored on for the leaderboard. */
const beside: readonly TaskName[] = ['mnli-mm', 'ax'];

/** The models and tasks that were asked, in order: every model on every task, one that names its task on that alone. */
export function pairsOf(options: VerbOptions<'evaluate'>): readonly Pair[] {
  const asked = options.model.map(askedModel);
  const names = folderNames(asked.map(({ id }) => id));
  const common = options.task && namesOf(options.task);
  const whole = (list: readonly AnyName[]) =>
    options.glueSubmission !== undefined && list.includes('mnli') ? [...new Set([...list, ...beside])] : list;
  return asked.flatMap(({ id, task }): Pair[] => {
    const place = { model: id, folder: names.get(id)! };
    const list = task === undefined ? common : [task];
    if (list === undefined) return [{ ...place, task: undefined }];
    return whole(list).map((name) =>
      isTextTaskName(name) ? { ...place, task: name, text: textTaskOf(name, options) } : { ...place, task: name },
    );
  });
}

type AnyName = TaskName | TextTaskName;

/** Names of tasks, each once, with those of a suite in its place. */
const namesOf = (words: readonly string[]): readonly AnyName[] => [
  ...new Set(
    words.flatMap((word): readonly AnyName[] =>
      isTextTaskName(word) ? [word] : resolveTasks(word).map(({ name }) => name as TaskName),
    ),
  ),
];

const metricNames = {
  bleu: 'bleu',
  chrf: 'chrf',
  ter: 'ter',
  rouge: 'rouge',
  exact_match: 'exactMatch',
  perplexity: 'perplexity',
} as const satisfies Record<string, TextTask['metrics'][number]>;

/** A task of text as it is asked: with another data set, other metrics, rows as texts by themselves. */
function textTaskOf(name: TextTaskName, options: VerbOptions<'evaluate'>): TextTask {
  const { dataset: id, datasetConfig: config, datasetRevision: revision, metric, documents } = options;
  const own = textTask(name);
  const metrics = metric?.map((key) => metricOf(own, key)) ?? own.metrics;
  const { keys, direction } = metricFacts[metrics[0]!];
  return {
    ...own,
    metricOptions: metricOptionsOf(own, options),
    ...(documents && { documents }),
    ...(metric && { metrics, mainMetric: keys[0] as TextTask['mainMetric'], direction }),
    ...(id !== undefined && {
      dataset: { id, ...(config !== undefined && { config }), ...(revision !== undefined && { revision }) },
    }),
  };
}

/** A task's options of metrics, with those that are asked in their place. */
function metricOptionsOf(
  { metricOptions = {} }: TextTask,
  { bleuTokenize, chrfWordOrder, lowercase, rougeStemmer }: VerbOptions<'evaluate'>,
): TextMetricChoice {
  const lower = lowercase && { lowercase };
  return {
    bleu: { ...metricOptions.bleu, ...lower, ...(bleuTokenize && { tokenize: bleuTokenize }) },
    chrf: { ...metricOptions.chrf, ...lower, ...(chrfWordOrder !== undefined && { wordOrder: chrfWordOrder }) },
    rouge: { ...metricOptions.rouge, ...(!rougeStemmer && { stemmer: false }) },
  };
}

function metricOf({ kind, name }: TextTask, key: string): TextTask['metrics'][number] {
  const metric = Object.hasOwn(metricNames, key) ? metricNames[key as keyof typeof metricNames] : undefined;
  if (metric !== undefined && (metric === 'perplexity') === (kind === 'likelihood')) return metric;
  const expected = kind === 'likelihood' ? 'perplexity' : 'bleu, chrf, ter, rouge or exact_match';
  throw new NeuropruneError('input', `--metric: expected ${expected} for ${name}, got ${key}`);
}

/** Every model's last part of its name, with a number where another has the same. */
function folderNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const id of new Set(ids)) {
    const base = path.basename(path.resolve(id)).replaceAll(/[^\w.-]+/g, '-') || 'model';
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

/** The models of pairs, each once and in the order asked. */
export const modelsOf = (pairs: readonly Pair[]): readonly string[] => [...new Set(pairs.map(({ model }) => model))];

/** Refuses a submission in which a task is answered by two models, or that has another task than the leaderboard's. */
export function checkSubmission(pairs: readonly Pair[]): void {
  const seen = new Map<string, string>();
  for (const { model, task, text } of pairs) {
    const file = task === undefined || text ? undefined : tasks[task].submission?.file;
    if (file === undefined) throw new NeuropruneError('input', '--glue-submission: expected tasks of GLUE, got none');
    const other = seen.get(file);
    if (other !== undefined) {
      throw new NeuropruneError(
        'input',
        `--glue-submission: expected one model for ${task}, got ${other} and ${model}; name each one's task: TASK=MODEL`,
      );
    }
    seen.set(file, model);
  }
}

/** What a submission lacks that the leaderboard asks for, a line each. */
export function submissionGaps(
  pairs: readonly Pair[],
  { limit, few }: Pick<VerbOptions<'evaluate'>, 'limit' | 'few'>,
): readonly string[] {
  const there = new Set<string>(pairs.flatMap(({ task }) => task ?? []));
  const known: readonly Task[] = Object.values(tasks);
  const missing = known.flatMap(({ name, submission }) => (there.has(name) ? [] : (submission?.file ?? [])));
  return [
    ...(few || limit !== undefined ? ['the files hold the first rows alone, the leaderboard takes whole splits'] : []),
    ...(missing.length > 0 ? [`the leaderboard takes all files together, missing are ${missing.join(', ')}`] : []),
  ].map((gap) => `--glue-submission: ${gap}`);
}

/** A task and the keys of the metrics that a pair is scored by; undefined where its data decide that. */
export function metricsOf({ task, text }: Pair): { task: string; metrics: Readonly<Record<string, true>> } | undefined {
  if (task === undefined) return undefined;
  const metrics = text?.metrics ?? tasks[task as TaskName].metrics;
  return {
    task,
    metrics: Object.fromEntries(metrics.flatMap((name) => metricFacts[name].keys.map((key) => [key, true]))),
  };
}
