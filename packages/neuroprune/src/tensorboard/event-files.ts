import { appendFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type LogEvent, parseLog } from '@neuroprune/report';
import { NeuropruneError } from '../error.js';
import type { LogReader } from '../stages/event-log.js';
import { scalarEvent, startEvent, versionEvent } from './event.js';
import { recordOf } from './record.js';
import { scalarsOf } from './scalars.js';

/** Folder of a run folder that TensorBoard reads. */
export const TENSORBOARD = 'tensorboard';

/** Its runs: the training of the method, and the dense one beside it. */
const runs = ['train', 'baseline'] as const;
type RunName = (typeof runs)[number];

const eventFile = /^events\.out\.tfevents\./;

/**
 * Writes a log as TensorBoard's event files, one a run, each event at once. Where a run goes on, its files are written
 * again from what the log still says, so that no step is there twice.
 */
export function tensorBoard(now: () => number = Date.now): LogReader {
  let folder = '';
  let files = new Map<RunName, string>();
  let begun = 0;

  const append = (file: string, data: readonly Uint8Array[]) => {
    try {
      appendFileSync(file, Buffer.concat(data.map(recordOf)));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new NeuropruneError('job', `${file}: expected to add an event, got ${code}`, { cause });
    }
  };
  const fileOf = (run: RunName, wallTime: number): string => {
    const known = files.get(run);
    if (known !== undefined) return known;
    const place = path.join(folder, TENSORBOARD, run);
    mkdirSync(place, { recursive: true });
    const file = path.join(place, nameOf(now(), begun));
    append(file, [versionEvent(wallTime), startEvent(wallTime)]);
    files.set(run, file);
    return file;
  };
  const add = (event: LogEvent) => {
    const found = scalarsOf(event);
    if (!found) return;
    const wallTime = event.time ?? now() / 1000;
    append(fileOf(event.run ?? 'train', wallTime), [scalarEvent({ wallTime, ...found })]);
  };
  const begin = (place: string, text: string) => {
    folder = place;
    files = new Map();
    begun += 1;
    for (const run of runs) removeFiles(path.join(folder, TENSORBOARD, run));
    for (const event of parseLog(text)) add(event);
  };
  return { begin, add };
}

/** Readers know the files by their names and read them in the order of these. */
const nameOf = (milliseconds: number, begun: number): string =>
  `events.out.tfevents.${String(Math.floor(milliseconds / 1000)).padStart(10, '0')}.neuroprune.${process.pid}.${begun}`;

function removeFiles(place: string): void {
  for (const name of listed(place)) if (eventFile.test(name)) rmSync(path.join(place, name));
}

function listed(place: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    return [];
  }
}
