import path from 'node:path';
import { checkWriteAccess } from '@neuroprune/hub';
import type { RunResult } from '@neuroprune/report';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { hubOf } from '../stages/hub-options.js';
import { publishRun } from '../stages/publish.js';
import { readRun } from '../stages/report.js';
import { withRunLock } from '../stages/run-lock.js';
import { startRun } from '../stages/stage.js';
import { agreement } from './agreement.js';

/** Pushes the model of a run folder and reads it back; returns the run's result with where it is. */
export async function run(options: VerbOptions<'publish'>, context: RunContext): Promise<RunResult> {
  const folder = path.resolve(context.cwd, options.run);
  await readRun(folder);
  return withRunLock(folder, () => push(folder, options, context));
}

async function push(folder: string, options: VerbOptions<'publish'>, context: RunContext): Promise<RunResult> {
  const hub = hubOf(context);
  await checkWriteAccess(options.to, { options: hub, signal: context.signal });
  const started = startRun(context);
  started.log.open(folder);
  return publishRun(folder, options, hub, started);
}

/** Where it was published. */
export function format({ published, readBack }: RunResult): string {
  const back = readBack ? `\nread back: ${agreement(readBack)}` : '';
  return `published: ${published?.url} (${published?.commit.slice(0, 12)})${back}`;
}
