import { RuntimeError } from './errors.js';
import { type Housed, SessionThread } from './session-thread.js';
import { buffersOf, type NamedTensors, type Request, type Result } from './worker-protocol.js';

let sessions = 0;

/** One session in the thread of sessions, as the main thread sees it. */
export class SessionWorker {
  private readonly thread: SessionThread;
  private readonly session = sessions++;
  private open = true;

  constructor(session: Housed) {
    this.thread = SessionThread.shared(session);
  }

  /** Sends a request and waits for its tensors; array buffers of held state move to the worker. */
  async ask(request: Request): Promise<NamedTensors> {
    return (await this.result(request)).tensors;
  }

  /** Sends a request and waits for all that it comes to. */
  async result(request: Request): Promise<Result> {
    if (!this.open) throw new RuntimeError('session: expected an open one, got one that was closed');
    return this.thread.ask(this.session, request, moved(request));
  }

  /** Ends the session and frees what it holds; a second call does nothing. */
  async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    if (this.thread.alive) await this.thread.ask(this.session, { type: 'close' });
  }
}

/** State and staged steps move to the worker. */
function moved(request: Request): ArrayBuffer[] {
  if (request.type === 'hold') return buffersOf(request.tensors);
  if (request.type === 'run' && request.staged)
    return buffersOf(request.runs.flatMap(({ inputs, event = [] }) => [...inputs, ...event]));
  return [];
}
