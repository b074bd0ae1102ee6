import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import type { LogEvent } from '@neuroprune/report';
import { NeuropruneError } from '../error.js';

/** Name of a run folder's log: one JSON document a line. */
export const EVENTS = 'events.ndjson';

/** Whoever reads along with a log. */
export interface LogReader {
  /** The log has a place, and says this so far: from here on it is what counts. */
  readonly begin: (folder: string, text: string) => void;
  readonly add: (event: LogEvent) => void;
}

/** What is said before a training begins, and is in its log already where it goes on. */
const ofTheStart: ReadonlySet<LogEvent['type']> = new Set(['stage', 'note', 'device', 'accumulate']);

/** The log of a run; what comes before there is a place for it is kept until then. */
export class EventLog {
  private waiting: LogEvent[] = [];
  private file: string | undefined;
  private readonly readers: LogReader[] = [];

  /** Tells a reader of all events, those before included. */
  follow(reader: LogReader): void {
    this.readers.push(reader);
  }

  /** Says where the run's folder is now. */
  open(folder: string): void {
    this.file = path.join(folder, EVENTS);
    const text = this.readers.length === 0 ? '' : (read(this.file)?.toString() ?? '');
    for (const reader of this.readers) reader.begin(folder, text);
    for (const event of this.waiting.splice(0)) this.append(event);
  }

  /**
   * Goes on with the log of a run that was stopped: what it says beyond `bytes` did not come to pass, and the stages
   * before are in it already, notes too. With 0 the log starts anew; where nothing is said, all whole lines stay.
   */
  resume(folder: string, bytes: number = Number.POSITIVE_INFINITY): void {
    const file = path.join(folder, EVENTS);
    const keep = wholeLines(file, bytes);
    if (keep !== undefined) truncateSync(file, keep);
    if (bytes > 0) this.waiting = this.waiting.filter(({ type }) => !ofTheStart.has(type));
    this.open(folder);
  }

  /** Bytes so far; 0 where nothing is written yet. */
  get bytes(): number {
    return this.file === undefined ? 0 : (statSync(this.file, { throwIfNoEntry: false })?.size ?? 0);
  }

  /** Whether a stage held. */
  has(stage: string): boolean {
    const text = this.file === undefined ? undefined : read(this.file)?.toString();
    return text?.includes(JSON.stringify({ type: 'stage', stage }).slice(0, -1)) ?? false;
  }

  /** Adds a line. Throws a job error where it cannot be written. */
  write(event: LogEvent): void {
    if (this.file === undefined) this.waiting.push(event);
    else this.append(event);
  }

  private append(event: LogEvent): void {
    const file = this.file as string;
    try {
      appendFileSync(file, `${JSON.stringify(event)}\n`);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new NeuropruneError('job', `${file}: expected to add an event, got ${code}`, { cause });
    }
    for (const reader of this.readers) reader.add(event);
  }
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Bytes of the whole lines in the first `limit` bytes of a file; undefined where there is none. */
function wholeLines(file: string, limit: number): number | undefined {
  const content = read(file);
  return content && content.subarray(0, limit).lastIndexOf(0x0a) + 1;
}
