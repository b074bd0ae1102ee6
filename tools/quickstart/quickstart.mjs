// The main job for real, on a clone and nothing else: a local Hub with the fixtures, one run of the command, a table.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLocalHub } from '@neuroprune/local-hub';
import { quickstartTable } from './table.mjs';

const root = path.resolve(fileURLToPath(import.meta.url), '../../..');
const out = 'runs/quickstart';
const token = 'hf_quickstart';

/** Runs the command with its progress on this terminal; extra words of this script's command line go to it. */
function neuroprune(args, env) {
  const bin = path.join(root, 'packages/neuroprune/bin/neuroprune.js');
  const child = spawn(process.execPath, [bin, ...args, ...process.argv.slice(2)], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // The terminal's interrupt reaches the command too; this process stays to clear up after it.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve(code ?? 1)));
}

const start = Date.now();
const temporary = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-quickstart-'));
await rm(path.join(root, out), { recursive: true, force: true });
const hub = await startLocalHub({
  root: path.join(temporary, 'hub'),
  token,
  seed: path.join(root, 'fixtures/hub'),
});
try {
  process.exitCode = await neuroprune(
    [
      ...['prune-and-publish', 'neuroprune/bert-micro-uncased', '--task', 'sst2', '--lr', '4e-4', '--epochs', '1'],
      ...['--sparsity', '0.7', '--heads', '14', '--baseline', 'dense'],
      ...['--to', 'local/bert-micro-sst2-np70', '--out', out, '--json'],
    ],
    // Nothing of the user's own Hub takes part.
    {
      HF_ENDPOINT: hub.url,
      HF_TOKEN: token,
      HF_HOME: path.join(temporary, 'home'),
      HF_HUB_CACHE: '',
      HF_HUB_OFFLINE: '',
    },
  );
} finally {
  await hub.close();
  await rm(temporary, { recursive: true, force: true });
}
if (process.exitCode === 0) {
  const text = (file) => readFile(path.join(root, out, file), 'utf8');
  const events = (await text('events.ndjson')).trim().split('\n').map(JSON.parse);
  console.log(`\n${quickstartTable(JSON.parse(await text('run.json')), events)}`);
  console.log(`\n${((Date.now() - start) / 1000).toFixed(0)} s in all. Report: ${out}/report/index.html`);
}
