import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { operatorsPage } from '../test/operators.js';
import { pending } from './lists.js';
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
  expect(rowsWith('rule')).toEqual(Object.keys(rules).sort());
  expect(rowsWith('pending')).toEqual(Object.keys(pending).sort());
});
