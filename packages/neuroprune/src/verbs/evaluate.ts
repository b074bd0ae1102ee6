import path from 'node:path';
import { encode, loadTokenizer, resolveTasks, type Task, writePredictions } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { type Classifier, checkClasses, findClassifier } from '../stages/classifier.js';
import { fetchRows } from '../stages/fetch-rows.js';
import { hubOf } from '../stages/hub-options.js';
import { score } from '../stages/score.js';
import { startRun } from '../stages/stage.js';
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

/** Scores a model on tasks; every task's classes are checked before the first is scored. */
export async function run(options: VerbOptions<'evaluate'>, context: RunContext): Promise<Evaluated> {
  const { stage } = startRun(context);
  const hub = hubOf(context, options);
  const asked = resolveTasks(options.task.join(','));
  const classifier = await stage('fetch', () => findClassifier(options.model, hub, context), options.model);
  for (const task of asked) checkClasses(task, classifier, options.model);
  const evaluation: Evaluated['evaluation'][number][] = [];
  for (const task of asked) {
    const work = () => evaluateTask(task, classifier, options, hub, context);
    evaluation.push(await stage('evaluate', work, task.name));
  }
  return { model: options.model, device: options.device, evaluation };
}

async function evaluateTask(
  task: Task,
  { model, folder }: Classifier,
  { split, limit, batchSize, threads, device, out }: VerbOptions<'evaluate'>,
  hub: HubOptions,
  context: RunContext,
): Promise<Evaluated['evaluation'][number]> {
  const { rows, split: name } = await fetchRows(task, split, hub, context);
  const encoded = encode(await loadTokenizer(folder), rows.slice(0, limit), task, task.recipe.maxLength);
  const session = { device, batchSize, split: name, ...(threads === undefined ? {} : { threads }) };
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
