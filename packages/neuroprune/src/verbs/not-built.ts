import { NeuropruneError } from '../error.js';

/** Stands in for a verb whose stages are still to come. */
export async function run(): Promise<never> {
  throw new NeuropruneError('job', 'verb: not built yet');
}
