import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { NeuropruneError } from '../error.js';

/** Name of a run folder's log: one JSON document a line. */
export const EVENTS = 'events.ndjson';

/** The log of a run; what comes before there is a place for it is kept until then. */
export class EventLog {
  private waiting: object[] = [];
  private file: string | undefined;

  /** Says where the run's folder is now. */
  open(folder: string): void {
    this.file = path.join(folder, EVENTS);
    for (const event of this.waiting.splice(0)) this.append(event);
  }

  /**
   * Goes on with the log of a run that was stopped: what it says beyond `bytes` did not come to pass, and the stages
   * before are in it already. With 0 the log starts anew; where nothing is said, all whole lines stay.
   */
  resume(folder: string, bytes: number = Number.POSITIVE_INFINITY): void {
    const file = path.join(folder, EVENTS);
    const keep = wholeLines(file, bytes);
    if (keep !== undefined) truncateSync(file, keep);
    if (bytes > 0) this.waiting = this.waiting.filter((event) => !('type' in event && event.type === 'stage'));
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
  write(event: object): void {
    if (this.file === undefined) this.waiting.push(event);
    else this.append(event);
  }

  private append(event: object): void {
    const file = this.file as string;
    try {
      appendFileSync(file, `${JSON.stringify(event)}\n`);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new NeuropruneError('job', `${file}: expected to add an event, got ${code}`, { cause });
    }
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
