import type { LoadedModel } from '@neuroprune/models';
import { NeuropruneError } from '../error.js';

/** Layers that a message names. */
const MOST_NAMED = 4;

/** Refuses what a model without source cannot be trained for, before rows are fetched and tokenized. */
export function checkImported({ imported, prunable, task }: LoadedModel, id: string, prunes: boolean): void {
  if (imported && task !== 'sequence-classification')
    throw new NeuropruneError(
      'input',
      `${id}: expected logits for each text, got them for each token (${task}); a model without source keeps the head it came with: export it with one for classes, or start from its safetensors`,
    );
  if (imported?.fixedSize !== undefined)
    throw new NeuropruneError(
      'input',
      `${id}: expected inputs of any size, got ${imported.fixedSize}; export the model with dynamic axes for batch and sequence`,
    );
  if (imported && prunes && prunable.length === 0) throw nothingFound({ imported }, id);
}

/** Refuses to train a model without source to write: what its graph would write with, a cache, cannot be added to it. */
export function checkWrites({ imported }: Pick<LoadedModel, 'imported'>, id: string): void {
  if (imported)
    throw new NeuropruneError(
      'input',
      `${id}: expected a model with its source to write texts, got an ONNX file, which keeps no keys and values of earlier tokens; start from its safetensors`,
    );
}

/** What is told of a file that gives logits of words and has no cache. */
export const cacheNote = ({ imported, task }: Pick<LoadedModel, 'imported' | 'task'>): string[] =>
  imported && task === 'causal-lm'
    ? ['without a cache of keys and values: it scores texts, but transformers.js writes none with it']
    : [];

/** What is said of a graph in which no layer was found. */
export function nothingFound({ imported }: Pick<LoadedModel, 'imported'>, id: string): NeuropruneError {
  const { unknown = [] } = imported ?? {};
  const reasons = unknown.length > 0 ? ` (${unknown.slice(0, MOST_NAMED).join('; ')})` : '';
  return new NeuropruneError(
    'input',
    `${id}: expected attention followed by a feed-forward part, found no such layer${reasons}; export the model unfused, with optimum or torch.onnx`,
  );
}

/** What a run on a model without source is told. */
export function importedNotes({ imported, prunable }: LoadedModel): string[] {
  if (!imported) return [];
  return [
    `a graph without source: ${prunable.length} layers found, weights named as its initializers; 'neuroprune convert --dry-run' lists them`,
    'exported without dropout: it is put back on attention probabilities and on what both halves of a layer give, nowhere else',
    ...imported.unknown.map((reason) => `stays dense: ${reason}`),
  ];
}
