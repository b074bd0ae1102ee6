import path from 'node:path';
import { resolveTasks, type TaskName, tasks } from '@neuroprune/evaluate';
import { NeuropruneError } from '../error.js';
import { askedModel } from '../schema/evaluate.js';
import type { VerbOptions } from '../schema/verbs.js';

/** A model to be scored on a task, or on the data set of the options. */
export interface Pair {
  /** The model as it was asked, without a task. */
  readonly model: string;
  readonly task: TaskName | undefined;
  /** A name for the model's files, different for different models. */
  readonly folder: string;
}

/** What a model of MNLI is scored on for the leaderboard. */
const beside: readonly TaskName[] = ['mnli-mm', 'ax'];

/** The models and tasks that were asked, in order: every model on every task, one that names its task on that alone. */
export function pairsOf(options: VerbOptions<'evaluate'>): readonly Pair[] {
  const asked = options.model.map(askedModel);
  const names = folderNames(asked.map(({ id }) => id));
  const common = options.task && resolveTasks(options.task.join(',')).map(({ name }) => name as TaskName);
  const whole = (list: readonly TaskName[]) =>
    options.glueSubmission !== undefined && list.includes('mnli') ? [...new Set([...list, ...beside])] : list;
  return asked.flatMap(({ id, task }): Pair[] => {
    const list = task === undefined ? (common ?? [undefined]) : [task];
    return whole(list as readonly TaskName[]).map((one) => ({ model: id, task: one, folder: names.get(id)! }));
  });
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

/** Refuses a submission in which a task is answered by two models, or that has another task than the leaderboard's. */
export function checkSubmission(pairs: readonly Pair[]): void {
  const seen = new Map<string, string>();
  for (const { model, task } of pairs) {
    const file = task === undefined ? undefined : tasks[task].submission?.file;
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
