import { type Task, tasks } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import { type FetchedModel, fetchModel } from './fetch-model.js';
import { type FetchedRows, fetchRows } from './fetch-rows.js';
import { type Prepared, prepare } from './prepare.js';
import { type Recipe, recipeOf, type TrainingOptions } from './recipe.js';
import type { Run } from './stage.js';

/** Everything a run starts from. */
export interface Inputs {
  readonly task: Task;
  readonly recipe: Recipe;
  readonly model: FetchedModel;
  readonly rows: { readonly train: FetchedRows; readonly validation: FetchedRows };
  readonly prepared: Prepared;
}

/** Resolves the recipe, fetches model and rows, and prepares them. */
export async function inputsOf(options: TrainingOptions, hub: HubOptions, { context, stage }: Run): Promise<Inputs> {
  const task = tasks[options.task];
  const recipe = recipeOf(options, task);
  const fetched = async () => ({
    model: await fetchModel(options.model, hub, context),
    rows: {
      train: await fetchRows(task, 'train', hub, context),
      validation: await fetchRows(task, 'validation', hub, context),
    },
  });
  const { model, rows } = await stage('fetch', fetched, `${options.model}, ${task.name}`);
  const prepared = await stage('prepare', () => prepare(task, recipe, model, rows));
  for (const message of notes(prepared)) context.onEvent({ type: 'note', message });
  return { task, recipe, model, rows, prepared };
}

function notes({ loaded: { fresh, unused } }: Prepared): string[] {
  return [
    ...(fresh.length > 0 ? [`drawn at random, as the checkpoint lacks them: ${fresh.join(', ')}`] : []),
    ...(unused.length > 0 ? [`of no use for this task and left out: ${few(unused)}`] : []),
  ];
}

const few = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
