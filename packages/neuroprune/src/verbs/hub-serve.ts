import { once } from 'node:events';
import path from 'node:path';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';

/** What `hub serve` says once it takes requests. */
export interface Listening {
  readonly url: string;
}

/** Serves until the signal aborts, then closes the server; says where as a `result` event when it is ready. */
export async function run(options: VerbOptions<'hub serve'>, { signal, onEvent, cwd }: RunContext): Promise<void> {
  const { readUsers, startLocalHub } = await import('@neuroprune/local-hub');
  const { root, port, token, users, seed, multipartMb } = options;
  const hub = await startLocalHub({
    root: path.resolve(cwd, root),
    port,
    ...(token === undefined ? {} : { token }),
    ...(users === undefined ? {} : { users: await readUsers(path.resolve(cwd, users)) }),
    ...(seed === undefined ? {} : { seed: path.resolve(cwd, seed) }),
    ...(multipartMb === undefined ? {} : { multipartMb }),
  });
  onEvent({ type: 'result', result: { url: hub.url } satisfies Listening });
  if (!signal.aborted) await once(signal, 'abort');
  await hub.close();
}

/** The line that tells a caller that requests are taken. */
export function format({ url }: Listening): string {
  return `listening on ${url}`;
}
