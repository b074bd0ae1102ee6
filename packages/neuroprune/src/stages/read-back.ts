import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { HubOptions } from '@neuroprune/hub';
import { z } from 'zod';
import { NeuropruneError } from '../error.js';
import type { ReadBackOrder } from './read-back-process.js';
import type { Sample } from './sample.js';

/** Largest difference of a logit between two runtimes. */
const TOLERANCE = 1e-4;

/** What reading back gave. */
export interface ReadBack {
  readonly repo: string;
  readonly examples: number;
  readonly maxAbsDifference: number;
  /** What is compared: of a model that writes, the tokens that it writes. */
  readonly compared: 'logits' | 'tokens';
}

/**
 * Loads a published model by its name through the Hub with transformers.js, in a fresh process with an empty cache, and
 * compares its logits, or the tokens it writes. Throws a job error where it does not load or they differ.
 */
export async function readBack(
  { repo, commit }: { readonly repo: string; readonly commit: string },
  { inputs, logits, maxLength, writes }: Sample,
  hub: HubOptions,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<ReadBack> {
  const cacheDir = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-read-back-'));
  try {
    const order = {
      endpoint: hub.endpoint,
      repo,
      revision: commit,
      cacheDir,
      maxLength,
      inputs,
      ...(writes && { writes }),
    };
    const got = await ask(order, { ...env, ...(hub.token === undefined ? {} : { HF_TOKEN: hub.token }) }, signal);
    const maxAbsDifference = largestDifference(got, logits);
    if (!(maxAbsDifference <= TOLERANCE)) {
      throw new NeuropruneError(
        'job',
        writes
          ? `${repo}: expected the published model to write what its files wrote before, token by token, got other tokens`
          : `${repo}: expected the proof's logits from the published model to ${TOLERANCE}, got a difference of ${maxAbsDifference}`,
      );
    }
    return { repo, examples: logits.length, maxAbsDifference, compared: writes ? 'tokens' : 'logits' };
  } finally {
    await rm(cacheDir, { recursive: true, force: true });
  }
}

async function ask(order: ReadBackOrder, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number[][]> {
  const script = fileURLToPath(new URL('./read-back-process.js', import.meta.url));
  const child = spawn(process.execPath, [script], { env, signal, stdio: ['pipe', 'pipe', 'pipe'] });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.on('error', () => {}); // a process that ends early says why on its own
  child.stdin.end(JSON.stringify(order));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (code === 0) return z.array(z.array(z.number())).parse(JSON.parse(stdout));
  const why = /^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? `exit code ${code}`;
  throw new NeuropruneError('job', `${order.repo}: the published model cannot be read back: ${why}`);
}

/** Largest difference of two tables of the same form; NaN where the forms differ or a number is missing. */
export function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  if (a.length !== b.length || a.length === 0) return Number.NaN;
  let most = 0;
  for (const [i, row] of a.entries()) {
    const other = b[i] ?? [];
    if (row.length !== other.length) return Number.NaN;
    for (const [j, value] of row.entries()) {
      const difference = Math.abs(value - (other[j] ?? Number.NaN));
      if (!(difference <= most)) most = difference;
      if (Number.isNaN(difference)) return difference;
    }
  }
  return most;
}
