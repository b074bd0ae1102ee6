import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fixtures, root, temporary } from './command.js';

test.skipIf(process.platform === 'win32')(
  'a second signal ends the command at once, in the middle of steps too',
  async () => {
    const { folder, remove } = await temporary();
    onTestFinished(remove);
    await mkdir(path.join(folder, 'data'));
    const rows = Array.from(
      { length: 400 },
      (_, i) => `a ${i % 2 ? 'good' : 'bad'} film${' again'.repeat(90)},${i % 2}\n`,
    );
    for (const split of ['train', 'validation'])
      await writeFile(path.join(folder, `data/${split}.csv`), `text,label\n${rows.join('')}`);
    const model = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
    const options = ['--dataset', 'data', '--epochs', '100', '--batch-size', '16', '--device', 'cpu', '--offline'];
    const bin = path.join(root, 'packages/neuroprune/bin/neuroprune.js');
    const child = spawn(process.execPath, [bin, 'finetune', model, ...options, '--events'], { cwd: folder });
    let said = '';
    child.stderr.on('data', (part) => {
      said += part;
    });
    child.stdout.on('data', (part) => {
      if (child.killed || !String(part).includes('"type":"train"')) return;
      child.kill('SIGINT'); // two signals of one name could arrive as one
      child.kill('SIGTERM');
    });
    const [code, signal] = await once(child, 'close');
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGINT' });
    expect(said).not.toMatch(/terminate called|interrupted/);
  },
);
