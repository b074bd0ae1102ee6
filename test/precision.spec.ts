import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from './workspace.js';

const model = path.resolve(root, '../shared/hub/models/tiny-random/bert');

// docs/results/precision.md has the figures: 4e-4 and 5e-3.
const bands = { fp16: 2e-3, bf16: 2e-2 };

it.skipIf(!existsSync(model))('fifty steps in 16 bits stay beside float32 (model in ../shared)', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(root, 'bench/precision.mjs'), model]);
  const rows = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  expect(rows.map((row) => row.precision)).toEqual(['fp16', 'fp16', 'bf16']);
  for (const { precision, first, last, worst, skipped = 0 } of rows) {
    expect(worst).toBeGreaterThan(1e-6); // rounding shows
    expect(worst).toBeLessThan(bands[precision as keyof typeof bands]);
    expect(last).toBeLessThan(0.05 * first);
    expect(skipped).toBe(0);
  }
});
