import type { EventOf, RunEvent } from '../events.js';

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

/** How far something is. */
interface Position {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  /** Facts worth a place in the line. */
  readonly facts?: readonly string[];
}

/** A line of its own, a count that is kept up to date, or nothing. */
type Show = string | Position | undefined;

interface Shown {
  readonly since: number;
  readonly first: number;
  readonly last: number;
  readonly at: number;
}

/** Shows nothing. */
export const silent: Progress = { onEvent: () => {}, end: () => {} };

/**
 * Shows stages and messages as lines, and counts with rate and time left: on a terminal in one line that is rewritten,
 * elsewhere as plain lines now and then.
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
  const count = (position: Position) => {
    const { label, done, total } = position;
    const time = now();
    const before = shown.get(label);
    const fresh = before === undefined || done < before.last;
    const { since, first, at } = fresh ? { since: time, first: done, at: time } : before;
    const due = output.isTTY ? fresh || time - at >= TERMINAL_INTERVAL : time - at >= PLAIN_INTERVAL;
    shown.set(label, { since, first, last: done, at: due ? time : at });
    if (!due && done < total) return;
    const text = countLine(position, done - first, time - since);
    if (output.isTTY) rewrite(text, done >= total);
    else line(text);
  };
  const onEvent = (event: RunEvent) => {
    if (event.type === 'stage') stage = event.stage;
    const show = showOf(event, stage);
    if (typeof show === 'string') line(show);
    else if (show) count(show);
  };
  return { onEvent, end };
}

const MB = 1e6;
const nothing = (): undefined => undefined;

/** What is shown of each event, in the stage that is under way. */
const shows: { readonly [T in RunEvent['type']]: (event: EventOf<T>, stage: string) => Show } = {
  stage: ({ stage, detail }) => (detail === undefined ? stage : `${stage}: ${detail}`),
  warning: ({ message }) => `warning: ${message}`,
  note: ({ message }) => message,
  device: ({ device, why }) => `device ${device}: ${why}`,
  accumulate: ({ accumulate, rows, length, device, tooMany }) =>
    `accumulate ${accumulate}: batches of ${rows} × ${length} fit on ${device}${tooMany.length > 0 ? `, ${tooMany.join(' and ')} rows do not` : ''}`,
  train: ({ step, steps, loss, sparsity, heads }, stage) => ({
    label: stage || 'train',
    done: step,
    total: steps,
    unit: 'steps',
    facts: [`loss ${loss.toFixed(4)}`, `sparsity ${sparsity.toFixed(3)}`, `heads ${heads}`],
  }),
  resume: ({ step, steps }) => `going on after step ${step} of ${steps}`,
  skip: ({ step, loss, gradNorm, rows }) =>
    `warning: step ${step} skipped, for its loss is ${loss}${gradNorm === undefined ? '' : ` and the norm of its gradient ${gradNorm}`}${rows ? ` (rows ${rows.join(', ')} of the data, from 0)` : ''}`,
  lossScale: ({ step, scale, before }) => `step ${step}: the loss is scaled by ${scale}, before by ${before}`,
  score: ({ step, score, best }) => `step ${step}: score ${score.toFixed(4)}${best ? ', the best so far' : ''}`,
  earlyStop: ({ step, best }) => `stopping early after step ${step}${best === undefined ? '' : `, best after ${best}`}`,
  evaluate: ({ task, split, done, total }) => ({ label: `evaluate ${task} ${split}`, done, total, unit: '' }),
  download: ({ path, bytes, size }) => ({ label: `download ${path}`, done: bytes / MB, total: size / MB, unit: 'MB' }),
  upload: ({ path, part, parts }) => ({ label: `upload ${path}`, done: part, total: parts, unit: 'parts' }),
  // Said by the stage, by the result, or of no interest to a person who waits.
  checkpoint: nothing,
  metrics: nothing,
  tokens: nothing,
  predictions: nothing,
  snapshot: nothing,
  push: nothing,
  resumable: nothing,
  result: nothing,
};

// An event belongs to the function of its own type, which the compiler cannot see from the two together.
const showOf = (event: RunEvent, stage: string): Show =>
  (shows[event.type] as (event: RunEvent, stage: string) => Show)(event, stage);

function countLine(position: Position, passed: number, elapsed: number): string {
  const { label, done, total, unit, facts = [] } = position;
  const amount = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const parts = [`${label} ${amount(done)}/${amount(total)}${unit === 'MB' ? ' MB' : ''} (${share} %)`, ...facts];
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
