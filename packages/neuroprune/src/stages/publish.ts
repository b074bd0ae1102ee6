import path from 'node:path';
import { type HubOptions, push } from '@neuroprune/hub';
import type { RunResult } from '@neuroprune/report';
import { writeModelCard } from './card.js';
import { readBack } from './read-back.js';
import { readRun, writeReport } from './report.js';
import { readSample } from './sample.js';
import type { Run } from './stage.js';
import { writeJson } from './write-file.js';

/** Where a run is published. */
export interface PublishRequest {
  readonly to: string;
  readonly private: boolean;
  readonly branch?: string | undefined;
}

/** Pushes the model of a run folder, reads it back through the Hub with another runtime, and notes both in the run. */
export async function publishRun(
  folder: string,
  request: PublishRequest,
  hub: HubOptions,
  { context, stage }: Run,
): Promise<RunResult> {
  const { run } = await readRun(folder);
  const sample = await readSample(folder);
  await writeModelCard(folder, request.to);
  const { signal, onEvent, env } = context;
  const published = await stage('publish', () =>
    push(path.join(folder, 'model'), request.to, {
      options: hub,
      private: request.private,
      ...(request.branch === undefined ? {} : { branch: request.branch }),
      message: `${run.model} on ${run.task}, ${run.method}, ${(100 * run.sparsity.reached).toFixed(1)} % zeros`,
      signal,
      onEvent,
    }),
  );
  await note(folder, { ...run, published });
  const back = await stage('read back', () => readBack(published, sample, hub, env, signal));
  const result = { ...run, published, readBack: back };
  await note(folder, result);
  return result;
}

async function note(folder: string, result: RunResult): Promise<void> {
  await writeJson(path.join(folder, 'run.json'), result);
  await writeReport(folder);
}
