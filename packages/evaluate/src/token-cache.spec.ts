import { existsSync } from 'node:fs';
import { open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { rowsOfLengths, temporaryFolder } from '../test/shared.js';
import { epochBatches } from './batches.js';
import type { EncodedRow } from './encode.js';
import { type TokenCacheEvent, tokenKey, tokenRows } from './token-cache.js';
import { openTokenFile, writeTokenFile } from './token-file.js';

const lengths = Array.from({ length: 333 }, (_, i) => 2 + ((i * 37) % 61));
const memory = rowsOfLengths(lengths);
const rows: EncodedRow[] = memory.rows.map((row, i) => (i % 5 === 0 ? { ...row, cut: 3 } : row));

async function* blocks(of: readonly EncodedRow[] = rows): AsyncGenerator<readonly EncodedRow[]> {
  for (let i = 0; i < of.length; i += 100) yield of.slice(i, i + 100);
}

const facts = { key: 'k', classes: 2, padId: 7 };

async function written(): Promise<string> {
  const file = path.join(await temporaryFolder(), 'new/rows.tokens');
  await writeTokenFile(file, facts, blocks());
  return file;
}

describe('a token file', () => {
  it('gives back every row, in any order, and what was counted', async () => {
    using set = (await openTokenFile(await written(), 'k'))!;
    expect([set.rows.length, set.padId, set.regression]).toEqual([333, 7, false]);
    expect([...set.rows]).toEqual(rows);
    for (const i of [332, 0, 64, 63, 200]) expect(set.rows.at(i), `row ${i}`).toEqual(rows[i]);
    expect(lengths.map((_, i) => set.rows.tokensOf?.(i))).toEqual(lengths);
    expect([set.rows.at(333), set.rows.at(-1)]).toEqual([undefined, undefined]);
    expect(set.stats).toEqual({
      rows: 333,
      tokens: lengths.reduce((a, b) => a + b),
      longest: Math.max(...lengths),
      truncated: 67,
      classes: [167, 166],
    });
  });

  it('gives the batches that rows in memory give', async () => {
    using set = (await openTokenFile(await written(), 'k'))!;
    const options = { batchSize: 16, seed: 3, epoch: 1 };
    expect([...epochBatches(set, options)]).toEqual([...epochBatches({ ...memory, rows, padId: 7 }, options)]);
  });

  it('keeps scores to the bit and counts no classes', async () => {
    const file = path.join(await temporaryFolder(), 'x');
    const scores = rows.slice(0, 3).map((row, i) => ({ ...row, label: [0.1, -1e300, 3][i]!, id: 2 ** 40 + i }));
    await writeTokenFile(file, { key: 's', padId: 0 }, blocks(scores));
    using set = (await openTokenFile(file, 's'))!;
    expect([set.regression, set.stats.classes]).toEqual([true, undefined]);
    expect([...set.rows]).toEqual(scores);
  });

  it('holds no rows', async () => {
    const file = path.join(await temporaryFolder(), 'x');
    await writeTokenFile(file, facts, blocks([]));
    using set = (await openTokenFile(file, 'k'))!;
    expect([set.rows.length, [...set.rows], set.stats.rows]).toEqual([0, [], 0]);
  });

  it('leaves nothing behind when the rows break off', async () => {
    const folder = await temporaryFolder();
    async function* broken(): AsyncGenerator<EncodedRow[]> {
      yield rows;
      throw new Error('row 7');
    }
    await expect(writeTokenFile(path.join(folder, 'x'), facts, broken())).rejects.toThrow('row 7');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused where one byte changed, wherever', async () => {
    const file = await written();
    const bytes = await readFile(file);
    for (let at = 0; at < bytes.length; at += 997) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 1;
      await writeFile(file, changed);
      await expect(openTokenFile(file, 'k'), `byte ${at}`).rejects.toMatchObject({ kind: 'input' });
    }
  });

  it.each([0, 3, 36, 1000])('is refused where it ends after %i bytes', async (size) => {
    const file = await written();
    await truncate(file, size);
    await expect(openTokenFile(file, 'k')).rejects.toThrow(/expected the tokens that were written there/);
  });

  it('is refused for another key, and undefined where there is none', async () => {
    const file = await written();
    await expect(openTokenFile(file, 'other')).rejects.toThrow(/the tokens of other data/);
    expect(await openTokenFile(`${file}.not`, 'k')).toBeUndefined();
  });

  it('can be closed twice', async () => {
    const set = (await openTokenFile(await written(), 'k'))!;
    set.close();
    set.close();
    expect(() => set.rows.at(0)).toThrow();
  });
});

describe('tokenRows', () => {
  function watched() {
    let made = 0;
    const events: TokenCacheEvent[] = [];
    const make = () => {
      made++;
      return blocks();
    };
    const get = async (folder: string | undefined) => {
      using set = await tokenRows(facts, make, { folder, onEvent: (event) => events.push(event) });
      expect([...set.rows]).toEqual(rows);
    };
    return { get, made: () => made, cache: () => events.map((event) => event.cache), events };
  }

  it('makes rows once for a folder', async () => {
    const { get, made, cache } = watched();
    const folder = await temporaryFolder();
    await get(folder);
    await get(folder);
    expect([made(), cache()]).toEqual([1, ['miss', 'hit']]);
    expect(await readdir(folder)).toEqual(['k.tokens']);
  });

  it('makes a corrupted file anew', async () => {
    const { get, made, cache } = watched();
    const folder = await temporaryFolder();
    await get(folder);
    const file = path.join(folder, 'k.tokens');
    const handle = await open(file, 'r+');
    await handle.write(Buffer.from([255]), 0, 1, Math.floor((await stat(file)).size / 2));
    await handle.close();
    await get(folder);
    await get(folder);
    expect([made(), cache()]).toEqual([2, ['miss', 'corrupt', 'hit']]);
  });

  it('does without a folder that cannot be made', async () => {
    const { get, cache } = watched();
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await get(path.join(file, 'below'));
    expect(cache()).toEqual(['off']);
  });

  it('keeps nothing without a folder', async () => {
    const { get, made, cache, events } = watched();
    await get(undefined);
    await get(undefined);
    expect([made(), cache()]).toEqual([2, ['off', 'off']]);
    expect(events.map(({ file }) => existsSync(path.dirname(file)))).toEqual([false, false]);
  });
});

it('tokenKey tells every fact apart, whatever their order', () => {
  const key = tokenKey({ a: 1, b: ['x'] });
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(tokenKey({ b: ['x'], a: 1 })).toBe(key);
  expect(new Set([key, tokenKey({ a: 2, b: ['x'] }), tokenKey({ a: 1, b: ['y'] }), tokenKey({ a: 1 })]).size).toBe(4);
});
