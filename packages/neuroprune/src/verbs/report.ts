import path from 'node:path';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { writeReport } from '../stages/report.js';

/** What `report` wrote. */
export interface Reported {
  readonly run: string;
  /** Relative to the run folder. */
  readonly files: readonly string[];
}

/** Writes the report of a run folder again. */
export async function run({ run }: VerbOptions<'report'>, { cwd }: RunContext): Promise<Reported> {
  return { run, files: await writeReport(path.resolve(cwd, run)) };
}

/** The files, one a line. */
export const format = ({ run, files }: Reported): string => files.map((file) => path.join(run, file)).join('\n');
