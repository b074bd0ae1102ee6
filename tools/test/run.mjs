// Runs every test runner once and closes with one line over all of them; arguments go to vitest.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { countLine, sum, vitestCount } from './count.mjs';

const root = path.resolve(fileURLToPath(import.meta.url), '../../..');

/** One function a runner: it streams its output and returns its count. */
const runners = [vitest];

async function vitest() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vitest-report-'));
  const report = path.join(folder, 'report.json');
  const cli = path.join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await run(process.execPath, [cli, 'run', ...reporters, ...process.argv.slice(2)]);
  const text = await readFile(report, 'utf8').catch(() => 'null');
  await rm(folder, { recursive: true });
  return vitestCount(JSON.parse(text), code);
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    spawn(command, args, { cwd: root, stdio: 'inherit' }).on('error', reject).on('close', resolve);
  });
}

const counts = [];
for (const runner of runners) counts.push(await runner());
const total = sum(counts);
console.log(countLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
