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
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

interface Shown {
  readonly since: number;
  readonly first: number;
  readonly last: number;
  readonly at: number;
}

/** Shows nothing. */
export const silent: Progress = { onEvent: () => {}, end: () => {} };

/**
 * Shows stages as lines and counts with rate and time left: on a terminal in one line that is rewritten, elsewhere
 * as plain lines now and then. `stage` events name a stage, `warning` and `note` carry a message, and any event with
 * a pair of `counters` is a count; other events are not shown.
 */
export function progress(output: ProgressOutput, now: () => number = Date.now): Progress {
  const shown = new Map<string, Shown>();
  let stage = '';
  let open = false;

  const end = () => {
    if (open) output.write('\n');
    open = false;
  };
  const line = (text: string) => {
    end();
    output.write(`${text}\n`);
  };
  const rewrite = (text: string, last: boolean) => {
    output.write(`\r\u001b[K${text.slice(0, (output.columns ?? 80) - 1)}`);
    open = true;
    if (last) end();
  };
  const count = (event: RunEvent, position: Position) => {
    const { label, done, total } = position;
    const time = now();
    const before = shown.get(label);
    const fresh = before === undefined || done < before.last;
    const { since, first, at } = fresh ? { since: time, first: done, at: time } : before;
    const due = output.isTTY ? fresh || time - at >= TERMINAL_INTERVAL : time - at >= PLAIN_INTERVAL;
    shown.set(label, { since, first, last: done, at: due ? time : at });
    if (!due && done < total) return;
    const text = countLine(position, facts(event), done - first, time - since);
    if (output.isTTY) rewrite(text, done >= total);
    else line(text);
  };
  const onEvent = (event: RunEvent) => {
    const position = positionOf(event, stage);
    if (event.type === 'stage') {
      stage = String(event.stage);
      line(typeof event.detail === 'string' ? `${stage}: ${event.detail}` : stage);
    } else if (event.type === 'warning' || event.type === 'note') {
      line(`${event.type === 'warning' ? 'warning: ' : ''}${event.message}`);
    } else if (position) {
      count(event, position);
    }
  };
  return { onEvent, end };
}

/** Pairs of facts that say how far something is, with the unit they are shown in and its size. */
const counters: readonly (readonly [done: string, total: string, unit: string, size: number])[] = [
  ['done', 'total', '', 1],
  ['step', 'steps', 'steps', 1],
  ['bytes', 'size', 'MB', 1e6],
  ['part', 'parts', 'parts', 1],
];

function positionOf(event: RunEvent, stage: string): Position | undefined {
  for (const [doneName, totalName, unit, size] of counters) {
    const [done, total] = [event[doneName], event[totalName]];
    if (typeof done !== 'number' || typeof total !== 'number') continue;
    const label = event.stage ?? (doneName === 'step' && stage !== '' ? stage : labelOf(event));
    return { label: String(label), done: done / size, total: total / size, unit: String(event.unit ?? unit) };
  }
  return undefined;
}

/** What an event is about: its type and the facts that tell one count from another. */
function labelOf({ type, task, split, path }: RunEvent): string {
  return [type, task, split, path].filter((part) => typeof part === 'string').join(' ');
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
  const { label, done, total, unit } = position;
  const amount = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const parts = [`${label} ${amount(done)}/${amount(total)}${unit === 'MB' ? ' MB' : ''} (${share} %)`, ...notes];
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
