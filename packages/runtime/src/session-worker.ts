import { Worker } from 'node:worker_threads';
import type { TensorData } from '@neuroprune/onnx';
import { RuntimeError } from './errors.js';
import type { Answer, NamedTensors, Numbered, Request } from './worker-protocol.js';

/** The main thread's side of a worker that holds one session. */
export class SessionWorker {
  // The built file: tests that run on sources use it too.
  private readonly worker = new Worker(new URL(import.meta.resolve('@neuroprune/runtime/worker')));
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private next = 0;
  private failure: string | undefined;

  constructor() {
    this.worker.on('message', (answer: Answer) => {
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    this.worker.on('error', (error) => this.fail(error.message));
    this.worker.on('exit', () => this.fail('the session has ended'));
    this.worker.unref();
  }

  /** Sends a request and waits for its tensors; array buffers of the request move to the worker. */
  async ask(request: Request): Promise<NamedTensors> {
    if (this.failure) throw new RuntimeError(this.failure);
    const id = this.next++;
    this.worker.ref();
    const answer = await new Promise<Answer>((resolve) => {
      this.waiting.set(id, resolve);
      this.worker.postMessage({ id, request } satisfies Numbered, moved(request));
    });
    if (this.waiting.size === 0) this.worker.unref();
    if ('error' in answer) throw new RuntimeError(answer.error);
    return answer.tensors;
  }

  /** Ends the session and its thread. */
  async close(): Promise<void> {
    if (!this.failure) await this.ask({ type: 'close' });
    this.worker.ref();
    await this.worker.terminate();
  }

  private fail(message: string): void {
    this.failure ??= message;
    for (const [id, resolve] of this.waiting) resolve({ id, error: message });
    this.waiting.clear();
  }
}

/** State moves to the worker; inputs of a run are copied, for callers keep their batches. */
function moved(request: Request): ArrayBuffer[] {
  if (request.type !== 'hold') return [];
  const buffers = request.tensors.flatMap(([, t]) =>
    Array.isArray(t.data) ? [] : [(t.data as Exclude<TensorData, readonly string[]>).buffer as ArrayBuffer],
  );
  return [...new Set(buffers)];
}
