import type { LoadedModel } from '@neuroprune/models';
import { NeuropruneError } from '../error.js';

/** Layers that a message names. */
const MOST_NAMED = 4;

/** Refuses what a model without source cannot be trained for, before rows are fetched and tokenized. */
export function checkImported({ imported, prunable }: LoadedModel, id: string, prunes: boolean): void {
  if (imported?.fixedSize !== undefined)
    throw new NeuropruneError(
      'input',
      `${id}: expected inputs of any size, got ${imported.fixedSize}; export the model with dynamic axes for batch and sequence`,
    );
  if (imported && prunes && prunable.length === 0) throw nothingFound({ imported }, id);
}

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
