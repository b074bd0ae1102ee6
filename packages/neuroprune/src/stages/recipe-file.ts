import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { NeuropruneError } from '../error.js';
import type { Inputs } from './inputs.js';
import { RECIPE } from './run-folder.js';
import { versions } from './versions.js';
import type { FileHash } from './write-file.js';

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
    readonly splits: Readonly<Record<string, { readonly rows: number; readonly files: readonly FileHash[] }>>;
  };
  readonly recipe: Inputs['recipe'];
  readonly versions: Readonly<Record<string, string>>;
}

/** The recipe file of a run. */
export function recipeFileOf({ model, task, rows, recipe }: Inputs): RecipeFile {
  const { id, config } = task.dataset;
  const split = ({ rows, files }: Inputs['rows']['train']) => ({ rows: rows.length, files });
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
      commit: rows.train.commit,
      splits: { [rows.train.split]: split(rows.train), [rows.validation.split]: split(rows.validation) },
    },
    recipe,
    versions: versions(),
  };
}

/** The recipe of a run folder. Throws an input error where there is none. */
export async function readRecipe(folder: string): Promise<RecipeFile> {
  const file = path.join(folder, RECIPE);
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new NeuropruneError('input', `${file}: expected the recipe of a run, got none`, { cause });
  }
}
