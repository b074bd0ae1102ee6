import { HeldSession } from './held-session.js';
import type { Answer, NamedTensors, Numbered, Request } from './worker-protocol.js';

/** The sessions of a thread or process, by number; requests are answered one after another, in the order they came. */
export class SessionTable {
  private readonly sessions = new Map<number, HeldSession>();
  private last: Promise<unknown> = Promise.resolve();

  /** Does what a request asks. Never rejects. */
  answer(message: Numbered): Promise<Answer> {
    const answer = this.last.then(() => this.next(message));
    this.last = answer;
    return answer;
  }

  private async next({ id, session, request }: Numbered): Promise<Answer> {
    try {
      return { id, tensors: await this.handle(session, request) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  private async handle(number: number, request: Request): Promise<NamedTensors> {
    switch (request.type) {
      case 'load':
        this.sessions.set(number, await HeldSession.load(request));
        return [];
      case 'hold':
        this.of(number).hold(request.tensors);
        return [];
      case 'take':
        return this.of(number).take(request.names);
      case 'run':
        return this.of(number).run(request);
      case 'close':
        await this.sessions.get(number)?.close();
        this.sessions.delete(number);
        return [];
    }
  }

  private of(number: number): HeldSession {
    const session = this.sessions.get(number);
    if (!session) throw new Error(`internal: 'session ${number}' is not there`);
    return session;
  }
}
