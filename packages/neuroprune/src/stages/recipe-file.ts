import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { HELD_OUT, type TaskName, tasks } from '@neuroprune/evaluate';
import { NeuropruneError } from '../error.js';
import type { Inputs } from './inputs.js';
import type { Split, TrainedTask } from './prepare.js';
import { RECIPE } from './run-folder.js';
import { versions } from './versions.js';
import type { FileHash } from './write-file.js';

/** A split of a run. */
export interface RecipeSplit {
  readonly rows: number;
  readonly files: readonly FileHash[];
  /** Rows of each class by the model's index; absent for scores. */
  readonly classes?: readonly number[];
  /** Rows cut to the maximum length. */
  readonly truncated: number;
  /** Where the rows are part of another split: how they were chosen. */
  readonly heldOut?: { readonly of: string; readonly share: number; readonly most: number; readonly seed: number };
}

/** `recipe.json`: all that a run was asked, resolved, and what it ran on. */
export interface RecipeFile {
  readonly model: {
    readonly id: string;
    /** Null for a local folder. */
    readonly commit: string | null;
    readonly license?: string;
    readonly files: readonly FileHash[];
  };
  readonly dataset: {
    readonly id: string;
    readonly config?: string;
    readonly commit: string | null;
    readonly splits: Readonly<Record<string, RecipeSplit>>;
    /** How the rows are read, where the data set is no task of the table. */
    readonly task?: TrainedTask;
  };
  /** What was learnt from beside the labels. */
  readonly teacher?: { readonly id: string; readonly commit: string | null; readonly files: readonly FileHash[] };
  readonly recipe: Inputs['recipe'];
  readonly versions: Readonly<Record<string, string>>;
}

/** The recipe file of a run. */
export function recipeFileOf({ model, teacher, task, prepared, recipe }: Inputs): RecipeFile {
  const { id, config } = task.dataset;
  const { train, validation, watched } = prepared.splits;
  const heldOut = { of: train.source.split, ...HELD_OUT, seed: recipe.seed };
  const split = ({ source, stats }: Split) => ({
    rows: stats.rows,
    files: source.files,
    ...(stats.classes && { classes: stats.classes }),
    truncated: stats.truncated,
  });
  return {
    model: {
      id: model.id,
      commit: model.commit,
      ...(model.license === undefined ? {} : { license: model.license }),
      files: model.files,
    },
    dataset: {
      id,
      ...(config === undefined ? {} : { config }),
      commit: train.source.commit,
      splits: {
        [train.name]: split(train),
        ...(watched && { [watched.name]: { ...split(watched), heldOut } }),
        [validation.name]: { ...split(validation), ...(validation.positions && { heldOut }) },
      },
      ...(!isOfTable(task) && { task }),
    },
    ...(teacher && { teacher: { id: teacher.id, commit: teacher.commit, files: teacher.files } }),
    recipe,
    versions: versions(),
  };
}

// A folder may have the name of a task.
const isOfTable = ({ name, dataset }: TrainedTask): boolean =>
  Object.hasOwn(tasks, name) && tasks[name as TaskName].dataset.id === dataset.id;

/** The task of a run folder's recipe. */
export const taskOf = ({ dataset, recipe }: RecipeFile): TrainedTask => dataset.task ?? tasks[recipe.task as TaskName];

/** The recipe of a run folder. Throws an input error where there is none. */
export async function readRecipe(folder: string): Promise<RecipeFile> {
  const file = path.join(folder, RECIPE);
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new NeuropruneError('input', `${file}: expected the recipe of a run, got none`, { cause });
  }
}
