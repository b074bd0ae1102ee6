import { Worker } from 'node:worker_threads';
import { RuntimeError } from './errors.js';
import type { Answer, NamedTensors, Numbered, Request } from './worker-protocol.js';

/**
 * The thread in which all sessions of the process live. There is one, for as long as the process runs: ONNX Runtime makes
 * only the thread of the first session in a process flush denormals, so sessions in threads of their own would differ in
 * speed and bits. It keeps nobody waiting at the end: the process ends while it idles.
 */
export class SessionThread {
  private static current: SessionThread | undefined;

  /** The process's thread; a new one after a failure. */
  static shared(): SessionThread {
    if (!SessionThread.current?.alive) SessionThread.current = new SessionThread();
    return SessionThread.current;
  }

  // The built file: tests that run on sources use it too. Flags of the command line, such as --input-type, are not for it.
  private readonly worker = new Worker(new URL(import.meta.resolve('@neuroprune/runtime/worker')), { execArgv: [] });
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private next = 0;
  private failure: string | undefined;

  private constructor() {
    this.worker.on('message', (answer: Answer) => {
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    this.worker.on('error', (error) => this.fail(error.message));
    this.worker.on('exit', () => this.fail('the thread of sessions has ended'));
    this.worker.unref();
  }

  /** False once the thread has ended. */
  get alive(): boolean {
    return this.failure === undefined;
  }

  /** Sends a session's request and waits for its tensors; the buffers in `moved` go to the worker. */
  async ask(session: number, request: Request, moved: readonly ArrayBuffer[] = []): Promise<NamedTensors> {
    if (this.failure !== undefined) throw new RuntimeError(this.failure);
    const id = this.next++;
    this.worker.postMessage({ id, session, request } satisfies Numbered, moved);
    this.worker.ref();
    const answer = await new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    if (this.waiting.size === 0) this.worker.unref();
    if ('error' in answer) throw new RuntimeError(answer.error);
    return answer.tensors;
  }

  private fail(message: string): void {
    this.failure ??= message;
    for (const [id, resolve] of this.waiting) resolve({ id, error: message });
    this.waiting.clear();
  }
}
