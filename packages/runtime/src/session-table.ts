import { HeldSession } from './held-session.js';
import type { Answer, Numbered, Request, Result } from './worker-protocol.js';

const NOTHING: Result = { tensors: [] };

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
      return { id, ...(await this.handle(session, request)) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  private async handle(number: number, request: Request): Promise<Result> {
    switch (request.type) {
      case 'load':
        this.sessions.set(number, await HeldSession.load(request));
        return NOTHING;
      case 'hold':
        this.of(number).hold(request.tensors);
        return NOTHING;
      case 'take':
        return { tensors: await this.of(number).take(request.names) };
      case 'change':
        return this.of(number).change(request);
      case 'run':
        return { tensors: await this.of(number).run(request) };
      case 'close':
        await this.sessions.get(number)?.close();
        this.sessions.delete(number);
        return NOTHING;
    }
  }

  private of(number: number): HeldSession {
    const session = this.sessions.get(number);
    if (!session) throw new Error(`internal: 'session ${number}' is not there`);
    return session;
  }
}
