import type { TensorData } from '@neuroprune/onnx';
import { RuntimeError } from './errors.js';
import { SessionThread } from './session-thread.js';
import type { NamedTensors, Request } from './worker-protocol.js';

let sessions = 0;

/** One session in the thread of sessions, as the main thread sees it. */
export class SessionWorker {
  private readonly thread = SessionThread.shared();
  private readonly session = sessions++;
  private open = true;

  /** Sends a request and waits for its tensors; array buffers of held state move to the worker. */
  async ask(request: Request): Promise<NamedTensors> {
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

/** State moves to the worker; inputs of a run are copied, for callers keep their batches. */
function moved(request: Request): ArrayBuffer[] {
  if (request.type !== 'hold') return [];
  const buffers = request.tensors.flatMap(([, t]) =>
    Array.isArray(t.data) ? [] : [(t.data as Exclude<TensorData, readonly string[]>).buffer as ArrayBuffer],
  );
  return [...new Set(buffers)];
}
