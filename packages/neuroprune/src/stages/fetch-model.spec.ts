import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fetchModel } from './fetch-model.js';

async function folderOf(...files: string[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'fetch-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const config = { model_type: 'distilbert' };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  for (const file of files) await writeFile(path.join(folder, file), '');
  return folder;
}

const fetched = async (...files: string[]) => {
  const folder = await folderOf(...files);
  const signal = new AbortController().signal;
  return fetchModel(folder, {} as never, { cwd: folder, signal, onEvent: () => {} } as never);
};

test('pickled weights alone are refused with the reason and the way out', async () => {
  const fetching = fetched('pytorch_model.bin');
  await expect(fetching).rejects.toThrow(/pytorch_model\.bin, a pickle, which can run code .*safe_serialization=True/);
  await expect(fetching).rejects.toMatchObject({ kind: 'input' });
});

test('a tokenizer’s files of each family come along, pickled weights beside others do not', async () => {
  const tokenizers = ['spm.model', 'sentencepiece.bpe.model', 'spiece.model', 'tokenizer.json'];
  const { files } = await fetched('model.safetensors', 'pytorch_model.bin', ...tokenizers);
  expect(files.map(({ path: file }) => path.basename(file)).sort()).toEqual(
    [...tokenizers, 'config.json', 'model.safetensors'].sort(),
  );
});
