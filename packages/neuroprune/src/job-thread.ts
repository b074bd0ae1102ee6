import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { RunContext } from './context.js';
import { NeuropruneError } from './error.js';
import { errorOf, type JobAnswer, type JobRequest } from './job-protocol.js';
import type { VerbInput, VerbName } from './schema/verbs.js';

/** A job under way, as its caller sees it. */
interface Job {
  readonly context: Omit<RunContext, 'fetch'>;
  readonly done: (result: unknown) => void;
  readonly failed: (error: unknown) => void;
  /** What the caller's listener threw, which ends the job. */
  thrown?: { readonly error: unknown };
}

const jobs = new Map<number, Job>();
let next = 0;
let thread: Worker | undefined;

/**
 * Does a verb's work in a thread of its own, so that timers, signals and servers of the program go on meanwhile. All calls
 * share the thread, and with it its sessions; it keeps nobody waiting at the end.
 */
export async function runInThread<V extends VerbName>(
  verb: V,
  input: VerbInput<V>,
  { fetch: _, ...context }: RunContext,
): Promise<unknown> {
  const id = next++;
  const { signal, cwd, env } = context;
  const abort = () => ask({ type: 'abort', id });
  try {
    return await new Promise((done, failed) => {
      jobs.set(id, { context, done, failed });
      ask({ type: 'run', id, verb, input, cwd, env: { ...env } });
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
    });
  } finally {
    signal.removeEventListener('abort', abort);
    jobs.delete(id);
    if (jobs.size === 0) thread?.unref();
  }
}

function ask(request: JobRequest): void {
  thread ??= started();
  thread.ref();
  try {
    thread.postMessage(request);
  } catch (cause) {
    throw new NeuropruneError('input', `options: expected plain data, got ${(cause as Error).message}`, { cause });
  }
}

function started(): Worker {
  const url = new URL(import.meta.resolve('neuroprune/job-worker')); // the built file: tests that run on sources use it too
  const worker = new Worker(url, { execArgv: [], env: SHARE_ENV });
  worker.on('message', answered);
  worker.on('error', (cause) => ended(worker, cause));
  worker.on('exit', () => ended(worker));
  return worker;
}

function answered(answer: JobAnswer): void {
  const job = jobs.get(answer.id);
  if (!job) return;
  if (answer.type === 'event') tell(answer, job);
  else if (job.thrown) job.failed(job.thrown.error);
  else if (answer.type === 'done') job.done(answer.result);
  else if (answer.type === 'aborted') job.failed(job.context.signal.reason);
  else job.failed(errorOf(answer.error));
}

function tell({ id, event }: JobAnswer & { readonly type: 'event' }, job: Job): void {
  if (job.thrown) return;
  try {
    job.context.onEvent(event);
  } catch (error) {
    job.thrown = { error };
    ask({ type: 'abort', id });
  }
}

/** The thread ends by itself only where something broke in it. */
function ended(worker: Worker, cause?: Error): void {
  if (thread !== worker) return;
  thread = undefined;
  const what = `internal: the thread of jobs ended${cause ? `: ${cause.message}` : ''}`;
  for (const { failed } of jobs.values()) failed(new NeuropruneError('job', what, { cause }));
}
