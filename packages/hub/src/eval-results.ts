import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeFileAtomic } from './atomic.js';
import { HubError } from './errors.js';

/** One score as the Hub's leaderboards collect it from `.eval_results/*.yaml`. */
export interface EvalResult {
  readonly dataset: { readonly id: string; readonly task_id: string; readonly revision?: string };
  readonly value: number;
  readonly date?: string; // YYYY-MM-DD
  readonly source?: { readonly url: string; readonly name?: string };
  readonly notes?: string;
}

/** The text of one `.eval_results` file. */
export const evalResults = (results: readonly EvalResult[]): string => stringify(results, { lineWidth: 0 });

/** Writes `.eval_results/<name>.yaml` into a folder and returns its path. */
export async function writeEvalResults(folder: string, name: string, results: readonly EvalResult[]): Promise<string> {
  if (!/^[\w][\w.-]*$/.test(name))
    throw new HubError('input', `evaluation results '${name}': expected a plain file name`);
  const path = join(folder, '.eval_results', `${name}.yaml`);
  await writeFileAtomic(path, evalResults(results));
  return path;
}
