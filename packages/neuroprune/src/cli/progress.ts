import type { RunEvent } from '../context.js';

/** Milliseconds between two plain lines of one stage. */
const PLAIN_INTERVAL = 10_000;
/** Milliseconds between two updates of a terminal's line. */
const TERMINAL_INTERVAL = 100;

/** Where progress is written, as far as it needs to know. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Shows events to a person. */
export interface Progress {
  readonly onEvent: (event: RunEvent) => void;
  /** Leaves the terminal's line, so that what follows starts on its own. */
  readonly end: () => void;
}

interface Position {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

interface Shown {
  readonly position: Position;
  readonly since: number;
  readonly first: number;
  at: number;
}

/** Shows nothing. */
export const silent: Progress = { onEvent: () => {}, end: () => {} };

/**
 * Shows stages as lines and counts with rate and time left: on a terminal in one line that is rewritten, elsewhere
 * as plain lines now and then. `stage` events name a stage, `warning` and `note` carry a message, and any event with
 * `done` and `total` (or `step` and `steps`) is a count; other events are not shown.
 */
export function progress(output: ProgressOutput, now: () => number = Date.now): Progress {
  let stage = '';
  let shown: Shown | undefined;
  let open = false;
  const interval = output.isTTY ? TERMINAL_INTERVAL : PLAIN_INTERVAL;

  const end = () => {
    if (open) output.write('\n');
    open = false;
  };
  const line = (text: string) => {
    end();
    output.write(`${text}\n`);
  };
  const count = (event: RunEvent, position: Position) => {
    const time = now();
    const fresh = !shown || shown.position.stage !== position.stage || position.done < shown.position.done;
    if (!fresh && time - shown!.at < interval && position.done < position.total) return;
    shown = fresh ? { position, since: time, first: position.done, at: time } : { ...shown!, position, at: time };
    const text = countLine(position, facts(event), position.done - shown.first, time - shown.since);
    if (!output.isTTY) return line(text);
    output.write(`\r\u001b[K${text.slice(0, (output.columns ?? 80) - 1)}`);
    open = true;
    if (position.done >= position.total) end();
  };
  const onEvent = (event: RunEvent) => {
    const position = positionOf(event, stage);
    if (event.type === 'stage') {
      stage = String(event.stage ?? event.name ?? '');
      line(typeof event.detail === 'string' ? `${stage}: ${event.detail}` : stage);
    } else if (event.type === 'warning' || event.type === 'note') {
      line(`${event.type === 'warning' ? 'warning: ' : ''}${event.message}`);
    } else if (position) {
      count(event, position);
    }
  };
  return { onEvent, end };
}

function positionOf(event: RunEvent, stage: string): Position | undefined {
  const done = event.done ?? event.step;
  const total = event.total ?? event.steps;
  if (typeof done !== 'number' || typeof total !== 'number') return undefined;
  const name = typeof event.stage === 'string' ? event.stage : stage;
  const unit = typeof event.unit === 'string' ? event.unit : 'step' in event ? 'steps' : '';
  return { stage: name || event.type, done, total, unit };
}

/** Facts of a training step worth a place in the line, with their digits. */
const shownFacts: readonly (readonly [name: string, digits: number])[] = [
  ['loss', 4],
  ['sparsity', 3],
  ['heads', 0],
];

function facts(event: RunEvent): string[] {
  return shownFacts.flatMap(([name, digits]) => {
    const value = event[name];
    return typeof value === 'number' ? [`${name} ${value.toFixed(digits)}`] : [];
  });
}

function countLine(position: Position, notes: readonly string[], passed: number, elapsed: number): string {
  const { stage, done, total, unit } = position;
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const parts = [`${stage} ${done}/${total} (${share} %)`, ...notes];
  if (passed > 0 && elapsed > 0) {
    const rate = (1000 * passed) / elapsed;
    parts.push(`${rate < 10 ? rate.toFixed(2) : rate.toFixed(0)} ${unit}/s`.replace(' /s', '/s'));
    if (done < total) parts.push(`${duration((total - done) / rate)} left`);
  }
  return parts.join(', ');
}

/** Seconds as minutes and seconds, with hours where there are any: `1:05:09`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
