import type { LoadedModel } from '@neuroprune/models';

/** Names that a line holds. */
const MOST_NAMED = 20;

/** What is told of parameters that the checkpoint lacks. */
export const freshNote = ({ fresh }: Pick<LoadedModel, 'fresh'>): string[] =>
  fresh.length > 0 ? [`drawn at random, as the checkpoint lacks them: ${fresh.join(', ')}`] : [];

/** What is told of tensors that the checkpoint has and the model does not. */
export const unusedNote = ({ unused }: Pick<LoadedModel, 'unused'>): string[] =>
  unused.length > 0 ? [`of no use for this task and left out: ${few(unused)}`] : [];

const few = (names: readonly string[]): string =>
  names.length <= MOST_NAMED
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`;
