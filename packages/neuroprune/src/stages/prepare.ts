import { type EncodedRows, encode, loadTokenizer, outputCount, type Task } from '@neuroprune/evaluate';
import { type HeadRequest, type LoadedModel, loadModel } from '@neuroprune/models';
import { NeuropruneError } from '../error.js';
import type { FetchedModel } from './fetch-model.js';
import type { FetchedRows } from './fetch-rows.js';
import type { Recipe } from './recipe.js';

/** A model and a task's rows, ready for training. */
export interface Prepared {
  readonly loaded: LoadedModel;
  readonly train: EncodedRows;
  readonly validation: EncodedRows;
  /** Longest row in tokens that is asked for and that the model takes. */
  readonly maxLength: number;
}

/** The head that a task trains. */
export const headFor = ({ labels }: Task): HeadRequest =>
  labels === 'score'
    ? { numLabels: 1, problemType: 'regression', id2label: ['score'] }
    : { numLabels: labels.length, problemType: 'single_label_classification', id2label: labels };

/** Loads the model with the task's head and tokenizes both splits. Throws an input error for more heads than there are. */
export async function prepare(
  task: Task,
  recipe: Recipe,
  model: FetchedModel,
  rows: { readonly train: FetchedRows; readonly validation: FetchedRows },
): Promise<Prepared> {
  const loaded = await loadModel(model.folder, { head: headFor(task), seed: recipe.seed });
  if (loaded.head.numLabels !== outputCount(task)) throw new Error('internal: head and task differ');
  checkHeads(recipe, loaded);
  const tokenizer = await loadTokenizer(model.folder);
  const maxLength = Math.min(recipe.maxLength, positionsOf(loaded));
  const encoded = (split: FetchedRows) => encode(tokenizer, split.rows, task, maxLength);
  return { loaded, maxLength, train: encoded(rows.train), validation: encoded(rows.validation) };
}

function checkHeads({ method }: Recipe, { prunable }: LoadedModel): void {
  const asked = 'heads' in method ? method.heads : undefined;
  const total = prunable.reduce((sum, layer) => sum + layer.heads.count, 0);
  if (asked === undefined || (asked <= total && asked >= prunable.length)) return;
  throw new NeuropruneError(
    'input',
    `--heads: expected ${prunable.length} to ${total}, one a layer at least, got ${asked}`,
  );
}

/** Positions the model has embeddings for. */
function positionsOf({ config }: LoadedModel): number {
  const { max_position_embeddings: positions } = config as { max_position_embeddings?: unknown };
  return typeof positions === 'number' ? positions : Number.POSITIVE_INFINITY;
}
