import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { contribOps } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { operatorsPage } from '../test/operators.js';
import { pending } from './lists.js';
import { decomposed } from './rules/decomposed.js';
import { rules } from './rules/rules.js';

const file = fileURLToPath(new URL('../../../docs/operators.md', import.meta.url));

it('docs/operators.md is what the tables say (UPDATE_DOCS=1 writes it)', () => {
  const page = operatorsPage();
  if (process.env.UPDATE_DOCS) writeFileSync(file, page);
  expect(readFileSync(file, 'utf8')).toBe(page);
});

it('docs/operators.md holds every operator with its gradient', () => {
  const page = operatorsPage();
  const rowsWith = (gradient: string) =>
    [...page.matchAll(new RegExp(`^\\| (\\S+) +\\| [^|]+ \\| ${gradient} +\\|$`, 'gm'))].map((m) => m[1]);
  const own = Object.keys(rules).filter((name) => !Object.hasOwn(decomposed, name));
  expect(rowsWith('rule')).toEqual(own.sort());
  expect(rowsWith('by decomposition')).toEqual([...Object.keys(decomposed).sort(), ...Object.keys(contribOps).sort()]);
  expect(rowsWith('pending')).toEqual(Object.keys(pending).sort());
});
