import path from 'node:path';
import type { RunResult } from '@neuroprune/report';
import type { RecipeFile } from './recipe-file.js';

/** `neuroprune.json` of a published model: how it was made, what is left of it, and what was measured. */
export function recordOf(recipe: RecipeFile, masksHash: string, run: RunResult): Record<string, unknown> {
  const { structure, ...measurements } = run;
  const id = publicName(recipe.model);
  return {
    ...recipe,
    model: { ...recipe.model, id },
    structure,
    masks: { sha256: masksHash },
    measurements: { ...measurements, model: id },
  };
}

/** A local folder's path says more about a machine than about a model. */
const publicName = ({ id, commit }: RecipeFile['model']): string => (commit === null ? path.basename(id) : id);
