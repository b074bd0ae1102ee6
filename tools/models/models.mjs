// Runs the tests that speak of model families and writes docs/models.md from their results.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { architectures } from '@neuroprune/models';
import { classesOf, pageOf, specs } from './table.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'models-'));
try {
  const file = path.join(folder, 'report.json');
  spawnSync('npx', ['vitest', 'run', ...specs, '--reporter=json', `--outputFile=${file}`], { cwd: root });
  const page = path.join(root, 'docs/models.md');
  const report = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(page, pageOf(report, Object.keys(architectures), classesOf(architectures)));
  spawnSync('npx', ['biome', 'format', '--write', page], { cwd: root });
  console.log(readFileSync(page, 'utf8'));
  process.exitCode = report.success ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
