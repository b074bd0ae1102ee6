import { Worker } from 'node:worker_threads';
import { type Provider, providerName, type ResolvedSession } from './device.js';
import { RuntimeError } from './errors.js';
import type { Answer, Numbered, RelayData, Request, Result } from './worker-protocol.js';

/** The file of the thread: on a GPU it stands between the program and a process, which a native crash ends alone. */
const files = {
  cpu: '@neuroprune/runtime/worker',
  cuda: '@neuroprune/runtime/relay',
  webgpu: '@neuroprune/runtime/relay',
} as const satisfies Record<Provider, string>;

/** What of a session decides which thread it lives in. */
export type Housed = Pick<ResolvedSession, 'device' | 'keepsBuffers' | 'exact'>;

/**
 * The thread that sessions of a provider are asked through. There is one a provider, for as long as the process runs: ONNX
 * Runtime makes only the thread of the first session in a process flush denormals, so sessions in threads of their own would
 * differ in speed and bits. It keeps nobody waiting at the end: the process ends while it idles.
 */
export class SessionThread {
  private static readonly threads = new Map<string, SessionThread>();

  /**
   * The provider's thread; a new one after a failure. Sessions that keep buffers, or multiply in float32 on cuda, have one of their
   * own: both are settled for a process, the one by its first session, the other by its environment.
   */
  static shared({ device, keepsBuffers = false, exact = false }: Housed): SessionThread {
    const provider = providerName(device);
    const key = `${provider} ${keepsBuffers} ${exact}`;
    const known = SessionThread.threads.get(key);
    if (known?.alive) return known;
    const thread = new SessionThread(provider, exact);
    SessionThread.threads.set(key, thread);
    return thread;
  }

  // The built file: tests that run on sources use it too. Flags of the command line, such as --input-type, are not for it.
  private readonly worker: Worker;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private next = 0;
  private failure: string | undefined;

  private constructor(provider: Provider, exact: boolean) {
    const workerData: RelayData = { provider, exact };
    this.worker = new Worker(new URL(import.meta.resolve(files[provider])), { execArgv: [], workerData });
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

  /** Sends a session's request and waits for what it comes to; the buffers in `moved` go to the worker. */
  async ask(session: number, request: Request, moved: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.failure !== undefined) throw new RuntimeError(this.failure);
    const id = this.next++;
    this.worker.postMessage({ id, session, request } satisfies Numbered, moved);
    this.worker.ref();
    const answer = await new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    if (this.waiting.size === 0) this.worker.unref();
    if ('error' in answer) throw new RuntimeError(answer.error);
    return answer;
  }

  private fail(message: string): void {
    this.failure ??= message;
    for (const [id, resolve] of this.waiting) resolve({ id, error: message });
    this.waiting.clear();
  }
}
