import { performance } from 'node:perf_hooks';
import type { LogEvent } from '@neuroprune/report';
import type { RunContext } from '../context.js';
import { logged, type RunEvent } from '../events.js';
import { EventLog } from './event-log.js';

/** A run under way. */
export interface Run {
  /** The caller's, whose events go to the log too. */
  readonly context: RunContext;
  readonly log: EventLog;
  /** Does one stage, announced by its name; its time goes to the log when it held. */
  readonly stage: <T>(name: string, work: () => Promise<T>, detail?: string) => Promise<T>;
}

/** Starts a run. */
export function startRun(context: RunContext): Run {
  const { signal } = context;
  const log = new EventLog();
  const write = (event: LogEvent) => log.write({ ...event, time: Date.now() / 1000 });
  const onEvent = (event: RunEvent) => {
    const line = logged(event);
    if (line) write(line);
    context.onEvent(event);
  };
  const stage: Run['stage'] = async (name, work, detail) => {
    signal.throwIfAborted();
    onEvent({ type: 'stage', stage: name, ...(detail === undefined ? {} : { detail }) });
    const start = performance.now();
    const result = await work();
    signal.throwIfAborted();
    write({ type: 'stage', stage: name, seconds: Math.round(performance.now() - start) / 1000 });
    return result;
  };
  return { context: { ...context, onEvent }, log, stage };
}
