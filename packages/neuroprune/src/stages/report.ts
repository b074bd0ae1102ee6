import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseEvents, parseRun, type RunResult, renderReport, type TrainingEvent } from '@neuroprune/report';
import { NeuropruneError } from '../error.js';
import { EVENTS } from './event-log.js';
import { writeText } from './write-file.js';

/** A run folder's result and its training steps. Throws an input error where there is no finished run. */
export async function readRun(folder: string): Promise<{ run: RunResult; events: TrainingEvent[] }> {
  const file = path.join(folder, 'run.json');
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new NeuropruneError('input', `${folder}: expected the folder of a finished run, got no run.json`, { cause });
  });
  const log = path.join(folder, EVENTS);
  return { run: parseRun(text, file), events: parseEvents(await readFile(log, 'utf8').catch(() => ''), log) };
}

/** Writes `report/` of a run folder from its JSON; returns the files, relative to the run folder. */
export async function writeReport(folder: string): Promise<string[]> {
  const files = Object.entries(renderReport(await readRun(folder)));
  await rm(path.join(folder, 'report'), { recursive: true, force: true });
  for (const [name, text] of files) await writeText(path.join(folder, 'report', name), text);
  return files.map(([name]) => `report/${name}`);
}
