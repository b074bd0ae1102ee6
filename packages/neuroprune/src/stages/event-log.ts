import { appendFileSync } from 'node:fs';
import path from 'node:path';

/** Name of a run folder's log: one JSON document a line. */
export const EVENTS = 'events.ndjson';

/** The log of a run; what comes before there is a folder is kept until then. */
export class EventLog {
  private waiting: string[] = [];
  private folder: string | undefined;

  /** Says where the run's folder is now. */
  open(folder: string): void {
    this.folder = folder;
    for (const line of this.waiting.splice(0)) this.append(line);
  }

  /** Adds a line. */
  write(event: object): void {
    this.append(`${JSON.stringify(event)}\n`);
  }

  private append(line: string): void {
    if (this.folder === undefined) this.waiting.push(line);
    else appendFileSync(path.join(this.folder, EVENTS), line);
  }
}
