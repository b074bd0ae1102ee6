import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { readSafetensors } from '@neuroprune/models';
import { root } from './command.js';

/** A moment at which a run is stopped: a time after its start, a line that it prints, or the hit of a point inside its work. */
export type Moment =
  | { readonly signal: NodeJS.Signals; readonly said: RegExp }
  | { readonly signal: NodeJS.Signals; readonly seconds: number }
  | { readonly signal: NodeJS.Signals; readonly point: string; readonly hit: number };

/** How a run came to its end. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
  readonly seconds: number;
}

/** Where and how the command runs. */
export interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Shell words before the command, such as `ulimit`. */
  readonly shell?: string;
}

/** Runs the built command and stops it at a moment; without one, waits for its end. */
export async function runUntil(args: readonly string[], place: Place, moment?: Moment): Promise<Ended> {
  const started = performance.now();
  const child = start(args, place, moment);
  const timer =
    moment && 'seconds' in moment ? setTimeout(() => child.kill(moment.signal), moment.seconds * 1000) : undefined;
  let said = '';
  child.stderr?.on('data', (part) => {
    said += part;
    if (moment && 'said' in moment && moment.said.test(said)) child.kill(moment.signal);
  });
  const end = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (...how) => resolve(how)),
  );
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [code, signal] = await end;
  clearTimeout(timer);
  return { code, signal, stdout, stderr, seconds: (performance.now() - started) / 1000 };
}

function start(args: readonly string[], { cwd, env, shell }: Place, moment?: Moment): ChildProcess {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HF_')));
  const stop =
    moment && 'point' in moment ? { NEUROPRUNE_TEST_STOP: `${moment.point}:${moment.hit}:${moment.signal}` } : {};
  const words = [process.execPath, path.join(root, 'packages/neuroprune/bin/neuroprune.js'), ...args];
  const [command = '', ...rest] = shell === undefined ? words : ['bash', '-c', `${shell}; exec "$@"`, 'run', ...words];
  return spawn(command, rest, { cwd, env: { ...own, ...env, ...stop }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What two runs are compared by, bit by bit. */
export interface Trace {
  /** The published weights, and the ONNX file beside them. */
  readonly weights: string;
  readonly onnx: string;
  /** The state after the last step: weights, moments and whatever else the step graph carries. */
  readonly state: string;
  /** Heads that went, in order. */
  readonly removals: unknown;
  readonly metrics: unknown;
  readonly tokens: number;
}

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const json = async (file: string) => JSON.parse(await readFile(file, 'utf8'));

/** The trace that a finished run left in its folder. */
export async function traceOf(folder: string, steps: number): Promise<Trace> {
  const file = (name: string) => path.join(folder, name);
  const run = await json(file('run.json'));
  const progress = await json(file(`checkpoints/${steps}/progress.json`));
  return {
    weights: await sha256(file('model/model.safetensors')),
    onnx: await sha256(file('model/onnx/model.onnx')),
    state: await sha256(file(`checkpoints/${steps}/state.safetensors`)),
    removals: progress.removals,
    metrics: run.evaluation,
    tokens: run.training.tokens,
  };
}

/** Exact zeros in a weight file, so that a comparison of equal files cannot be one of empty ones. */
export async function zerosIn(file: string): Promise<number> {
  let zeros = 0;
  for (const { data } of (await readSafetensors(file)).values())
    for (const value of data as Float32Array) zeros += Number(value === 0);
  return zeros;
}

/** What is wrong with a log: lines that are no JSON, steps of a training that do not rise, stages told twice. */
export async function faultsOf(folder: string): Promise<string[]> {
  const log = await readFile(path.join(folder, 'events.ndjson'), 'utf8');
  const faults = log.endsWith('\n') ? [] : ['the last line is cut short'];
  const last = { baseline: 0, method: 0 };
  const stages = new Set<string>();
  for (const line of log.trimEnd().split('\n')) {
    const event = JSON.parse(line);
    const of: keyof typeof last = event.run ?? 'method';
    if (event.type === 'train' && event.step <= last[of]) faults.push(`step ${event.step} after ${last[of]}`);
    if (event.type === 'train') last[of] = event.step;
    if (event.type === 'stage' && stages.has(event.stage)) faults.push(`${event.stage} twice`);
    if (event.type === 'stage') stages.add(event.stage);
  }
  return faults;
}

/** Numbers from 0 to below 1 that a seed gives (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
