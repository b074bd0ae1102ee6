// Runs the tests that speak of model families and writes docs/models.md from their results.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { architectures } from '@neuroprune/models';
import { pageOf, specs } from './table.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'models-'));
try {
  const file = path.join(folder, 'report.json');
  const there = specs.filter((spec) => existsSync(path.join(root, spec)));
  spawnSync('npx', ['vitest', 'run', ...there, '--reporter=json', `--outputFile=${file}`], { cwd: root });
  const page = path.join(root, 'docs/models.md');
  const classes = Object.fromEntries(
    Object.entries(architectures).map(([type, { classNames, classifier }]) => [
      type,
      { ...classNames, ...classifier?.classNames },
    ]),
  );
  writeFileSync(page, pageOf(JSON.parse(readFileSync(file, 'utf8')), Object.keys(architectures), classes));
  spawnSync('npx', ['biome', 'format', '--write', page], { cwd: root });
  console.log(readFileSync(page, 'utf8'));
} finally {
  rmSync(folder, { recursive: true });
}
