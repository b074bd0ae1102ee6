import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert, evaluate, prune, pruneAndPublish, publish } from './api.js';
import type { RunEvent } from './events.js';

const model = path.resolve(import.meta.dirname, '../../../fixtures/hub/models/neuroprune/bert-micro-uncased');
let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'api-'));
});
afterAll(() => rm(cwd, { recursive: true }));

test('a call converts, tells of its stages, and returns what --json prints', async () => {
  const events: RunEvent[] = [];
  const result = await convert({ model, out: 'onnx' }, { cwd, env: {}, onEvent: (event) => events.push(event) });
  expect(result).toEqual({ model, files: ['onnx/onnx/model.onnx'] });
  expect(events.map(({ type }) => type)).toEqual(['stage', 'stage', 'note']); // it has a tensor that nothing reads
  expect(await readdir(path.join(cwd, 'onnx'))).toContain('tokenizer.json');
});

test('options are checked as on the command line', async () => {
  const wrong = { kind: 'input' };
  await expect(prune({ model, task: 'sst2', sparsity: 2 })).rejects.toMatchObject(wrong);
  await expect(pruneAndPublish({ model, task: 'sst2', sparsity: 0.5, to: 'nowhere' })).rejects.toMatchObject(wrong);
  await expect(publish({ run: 'none', to: 'a/b' }, { cwd, env: {} })).rejects.toMatchObject(wrong);
});

test('requests go through the fetch that is given, with the environment that is given', async () => {
  const asked: string[] = [];
  const refuse: typeof fetch = async (input) => {
    asked.push(String(input));
    return new Response('{}', { status: 404 });
  };
  const env = { HF_ENDPOINT: 'http://hub.test', HF_HOME: cwd };
  await expect(evaluate({ model: 'a/b', task: 'sst2' }, { cwd, env, fetch: refuse })).rejects.toThrow(
    /a\/b: not found/,
  );
  expect(asked[0]).toMatch(/^http:\/\/hub\.test\/api\/models\/a\/b/);
});

test('an aborted call ends with the reason of its signal', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(convert({ model, out: 'never' }, { cwd, env: {}, signal })).rejects.toThrow('enough');
  expect(await readdir(cwd)).not.toContain('never');
});
