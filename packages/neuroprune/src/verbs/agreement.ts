import type { RunResult } from '@neuroprune/report';
import { small } from './table.js';

/** How far what is published agrees with what was proved. */
export const agreement = ({ compared, maxAbsDifference, examples }: NonNullable<RunResult['readBack']>): string =>
  compared === 'tokens'
    ? `the published model writes what its files wrote, token by token, for ${examples} texts`
    : `the published model's logits differ by at most ${small(maxAbsDifference)} over ${examples} rows`;
