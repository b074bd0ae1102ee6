import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EncodedRow } from './encode.js';
import { EvaluateError } from './error.js';
import { openTokenFile, TOKEN_FORMAT, type TokenFile, type TokenFileFacts, writeTokenFile } from './token-file.js';

/** Told when rows were found or could not be used; `corrupt` is a file whose hash does not hold. */
export interface TokenCacheEvent {
  readonly type: 'tokens';
  readonly file: string;
  readonly cache: 'hit' | 'miss' | 'corrupt' | 'off';
}

/** Where token files are kept, and who is told. */
export interface TokenCacheOptions {
  /** Folder of the cache; without one, rows stand in a temporary file that is gone when they are closed. */
  readonly folder?: string | undefined;
  readonly onEvent?: ((event: TokenCacheEvent) => void) | undefined;
}

/** The key of token rows: a SHA-256 over all that decides them, and the version of the layout. */
export const tokenKey = (facts: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(JSON.stringify([TOKEN_FORMAT, Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest('hex');

/**
 * Rows by their key: those on disk where their hash holds, else made anew. The rows are never in memory together.
 * Rejects with what `make` throws; a folder that cannot be written is as none.
 */
export async function tokenRows(
  facts: TokenFileFacts,
  make: () => AsyncIterable<readonly EncodedRow[]>,
  { folder, onEvent }: TokenCacheOptions = {},
): Promise<TokenFile> {
  if (folder === undefined) return temporaryRows(facts, make, onEvent);
  const file = path.join(folder, `${facts.key}.tokens`);
  const found = await openTokenFile(file, facts.key).catch((error: unknown) => {
    if (error instanceof EvaluateError) return 'corrupt' as const;
    throw error;
  });
  if (found !== undefined && found !== 'corrupt') {
    onEvent?.({ type: 'tokens', file, cache: 'hit' });
    return found;
  }
  if (!(await isWritable(folder))) return temporaryRows(facts, make, onEvent);
  onEvent?.({ type: 'tokens', file, cache: found ?? 'miss' });
  return written(file, facts, make);
}

/** Whether files can be made in a folder, which is made if need be; one that others own is no reason to fail. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function temporaryRows(
  facts: TokenFileFacts,
  make: () => AsyncIterable<readonly EncodedRow[]>,
  onEvent: TokenCacheOptions['onEvent'],
): Promise<TokenFile> {
  const folder = await mkdtemp(path.join(tmpdir(), 'neuroprune-tokens-'));
  try {
    const file = path.join(folder, 'rows.tokens');
    onEvent?.({ type: 'tokens', file, cache: 'off' });
    return await written(file, facts, make);
  } finally {
    // An open file keeps its bytes until it is closed; Windows refuses, and its own clean-up of the folder has to do.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function written(
  file: string,
  facts: TokenFileFacts,
  make: () => AsyncIterable<readonly EncodedRow[]>,
): Promise<TokenFile> {
  await writeTokenFile(file, facts, make());
  const rows = await openTokenFile(file, facts.key);
  if (rows) return rows;
  throw new EvaluateError('job', `${file}: expected the tokens just written, got no file; run it again`);
}
