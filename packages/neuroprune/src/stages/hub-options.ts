import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type HubOptions, hubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';

/** How the Hub is reached in a run. */
export function hubOf({ env, fetch }: RunContext, { offline }: { readonly offline?: boolean } = {}): HubOptions {
  return hubOptions({ ...(offline ? { offline } : {}), ...(fetch ? { fetch } : {}) }, env);
}

/** An id as the Hub package takes it: a folder below the working directory by its full path, any other word as it is. */
export async function located(id: string, cwd: string): Promise<string> {
  const full = path.resolve(cwd, id);
  const found = await stat(full).catch(() => undefined);
  return found?.isDirectory() ? full : id;
}
