/**
 * The worker thread between the program and the process of sessions on a GPU. What is sent to another process is copied,
 * which takes its time for gigabytes of state: here, where it holds nobody up, and a tensor at a time.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { endOf } from './process-end.js';
import {
  type Answer,
  buffersOf,
  type NamedTensors,
  type Numbered,
  type Part,
  type RelayData,
  type Request,
} from './worker-protocol.js';

const { provider, exact } = workerData as RelayData;
const script = fileURLToPath(import.meta.resolve('@neuroprune/runtime/session-process'));
/**
 * State that comes back from the GPU lands in new memory, whose first touch costs more than the copy. Huge pages, which glibc
 * asks for when told to, halve it: 1.0 s to 0.56 s for the 1.3 GB of BERT-base on an H100. Other C libraries ignore the variable.
 */
const tunables = [process.env.GLIBC_TUNABLES, 'glibc.malloc.hugetlb=1'].filter(Boolean).join(':');
/** CUDA's libraries read it where they are loaded: the Node binding passes no such option to the provider. */
const products = exact ? { NVIDIA_TF32_OVERRIDE: '0' } : {};
const child = fork(script, [], {
  env: { ...process.env, GLIBC_TUNABLES: tunables, ...products },
  serialization: 'advanced',
  execArgv: [],
  stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
});

/** What the process said last; drivers and aborts explain themselves there alone. */
let said = '';
child.stderr?.on('data', (chunk: Buffer) => {
  said = `${said}${chunk}`.slice(-4000);
});

const waiting = new Map<number, (answer: Answer) => void>();
/** Tensors of the answer that is coming in: answers come one after another. */
let arrived: NamedTensors[number][] = [];
child.on('message', ({ more, ...part }: Part) => {
  if ('tensors' in part) arrived.push(...part.tensors);
  if (more) return;
  const answer = 'tensors' in part ? { ...part, tensors: arrived } : part;
  arrived = [];
  waiting.get(answer.id)?.(answer);
  waiting.delete(answer.id);
});
child.on('error', failed);
child.on('close', (code, signal) => fail(new Error(endOf(provider, { code, signal, said }))));

/** Ends this thread, by which whoever waits learns why. */
function fail(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** What sending says when the process is gone: how it ended says more, and `close` tells that. */
const GONE = new Set(['EPIPE', 'ECONNRESET', 'ERR_IPC_CHANNEL_CLOSED']);

function failed(error: NodeJS.ErrnoException): void {
  if (!GONE.has(error.code ?? '')) fail(error);
}

const ask = (message: Numbered): Promise<Answer> =>
  new Promise((resolve) => {
    waiting.set(message.id, resolve);
    child.send(message, (error) => error && failed(error));
  });

/** The same request in parts that each carry one tensor; answers come in such parts too. */
function parts(request: Request): Request[] {
  if (request.type === 'hold') return request.tensors.map((tensor) => ({ type: 'hold', tensors: [tensor] }));
  return [request];
}

async function relayed({ id, session, request }: Numbered): Promise<Answer> {
  let last: Answer = { id, tensors: [] };
  for (const part of parts(request)) {
    last = await ask({ id, session, request: part });
    if ('error' in last) return last;
  }
  return last;
}

let last: Promise<unknown> = Promise.resolve();
parentPort?.on('message', (message: Numbered) => {
  last = last.then(async () => {
    const answer = await relayed(message);
    parentPort?.postMessage(answer, 'tensors' in answer ? buffersOf(answer.tensors) : []);
  });
});
