import path from 'node:path';
import { resolveTasks, type TaskName, tasks, writePredictions } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { type Classifier, findClassifier, taskFor } from '../stages/classifier.js';
import { fetchScored } from '../stages/data.js';
import { hubOf } from '../stages/hub-options.js';
import { score } from '../stages/score.js';
import { startRun } from '../stages/stage.js';
import { tokenize } from '../stages/token-rows.js';
import { table } from './table.js';

/** Scores of a model, a row a task, in the order asked. */
export interface Evaluated {
  readonly model: string;
  readonly device: string;
  readonly evaluation: readonly {
    readonly task: string;
    readonly split: string;
    readonly examples: number;
    readonly metrics: Readonly<Record<string, number>>;
    /** The file its predictions were written to. */
    readonly predictions?: string;
  }[];
}

/** Scores a model on tasks, or on a data set; every task's classes are checked before the first is scored. */
export async function run(options: VerbOptions<'evaluate'>, context: RunContext): Promise<Evaluated> {
  const { stage } = startRun(context);
  const hub = hubOf(context, options);
  const names = options.task && resolveTasks(options.task.join(',')).map(({ name }) => name as TaskName);
  const classifier = await stage('fetch', () => findClassifier(options.model, hub, context), options.model);
  for (const name of names ?? []) taskFor(tasks[name], classifier, options.model);
  const evaluation: Evaluated['evaluation'][number][] = [];
  for (const name of names ?? [undefined]) {
    const work = () => evaluateTask(name, classifier, options, hub, context);
    evaluation.push(await stage('evaluate', work, name ?? options.dataset));
  }
  return { model: options.model, device: options.device, evaluation };
}

async function evaluateTask(
  name: TaskName | undefined,
  classifier: Classifier,
  options: VerbOptions<'evaluate'>,
  hub: HubOptions,
  context: RunContext,
): Promise<Evaluated['evaluation'][number]> {
  const { limit, batchSize, threads, device, out, cache } = options;
  const { model, folder } = classifier;
  const { task: found, rows } = await fetchScored(name, options, options.split, hub, context);
  const task = taskFor(found, classifier, options.model);
  const { maxLength } = task.recipe;
  using encoded = await tokenize(rows, { task, folder, maxLength, limit, cache }, hub, context);
  const session = { device, batchSize, split: rows.split, ...(threads === undefined ? {} : { threads }) };
  const { predictions, ...scored } = await score(model, task, encoded, context, session);
  if (out === undefined) return scored;
  const file = path.join(out, 'predictions', `${task.name}.ndjson`);
  await writePredictions(path.resolve(context.cwd, file), predictions);
  return { ...scored, predictions: file };
}

/** A line a metric. */
export function format({ evaluation }: Evaluated): string {
  const rows = evaluation.flatMap(({ task, split, examples, metrics }) =>
    Object.entries(metrics).map(([name, value]) => [`${task} ${name}`, value.toFixed(4), split, String(examples)]),
  );
  return table([['metric', 'value', 'split', 'rows'], ...rows]);
}
