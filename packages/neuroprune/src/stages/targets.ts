import type { RunResult } from '@neuroprune/report';
import { NeuropruneError } from '../error.js';

/** A target is met within a tenth of a point. */
const TOLERANCE = 0.001;

/** Throws a job error, the result with it, where a run did not reach what was asked. */
export function checkTargets(result: RunResult): void {
  const { sparsity, heads } = result;
  const missed = [
    ...(Math.abs(sparsity.reached - sparsity.requested) > TOLERANCE
      ? [`sparsity: expected ${sparsity.requested}, got ${sparsity.reached.toFixed(4)}`]
      : []),
    ...(heads.requested !== undefined && heads.requested !== heads.kept
      ? [`heads: expected ${heads.requested} of ${heads.total}, got ${heads.kept}`]
      : []),
  ];
  if (missed.length > 0) throw new NeuropruneError('job', `${missed.join('; ')}; the run was kept`, { result });
}
