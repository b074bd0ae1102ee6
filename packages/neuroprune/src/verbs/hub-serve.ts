import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import type { VerbOptions } from '../schema/verbs.js';

const Users = z.array(
  z.strictObject({
    name: z.string().min(1),
    tokens: z.array(z.strictObject({ value: z.string().min(1), role: z.enum(['read', 'write']) })),
  }),
);

/** What `hub serve` says once it takes requests. */
export interface Listening {
  readonly url: string;
}

/** Serves until the signal aborts, then closes the server. */
export async function run(options: VerbOptions<'hub serve'>, { signal, onEvent, cwd }: RunContext): Promise<void> {
  const { startLocalHub } = await import('@neuroprune/local-hub');
  const { root, port, token, users, seed, multipartMb } = options;
  const hub = await startLocalHub({
    root: path.resolve(cwd, root),
    port,
    ...(token === undefined ? {} : { token }),
    ...(users === undefined ? {} : { users: await readUsers(path.resolve(cwd, users), users) }),
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

async function readUsers(file: string, name: string): Promise<z.output<typeof Users>> {
  try {
    return Users.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const expected = 'expected JSON [{name, tokens: [{value, role: read or write}]}]';
    // What the file holds is not repeated: it has tokens.
    throw new NeuropruneError('input', `--users: ${expected}, got something else (${name})`, { cause });
  }
}
