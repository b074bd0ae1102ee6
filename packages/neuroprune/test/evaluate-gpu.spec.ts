/** What `auto` may pick for an evaluation works there: classes, texts that are written, and perplexity. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { devices, titleOf } from '../../runtime/test/devices.js';
import { evaluate, prune } from '../src/api.js';
import type { VerbInput } from '../src/schema/verbs.js';
import { fixtures, root, temporary } from './command.js';

const shared = path.resolve(root, '../shared/hub/models');
let folder = '';
let remove = async (): Promise<void> => {};

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  await mkdir(path.join(folder, 'classes'));
  await mkdir(path.join(folder, 'texts'));
  const rows = Array.from({ length: 12 }, (_, i) => `a ${i % 3 ? 'good' : 'bad'} film ${i},${i % 3 ? 1 : 0}\n`);
  for (const split of ['train', 'validation'])
    await writeFile(path.join(folder, `classes/${split}.csv`), `text,label\n${rows.join('')}`);
  await writeFile(
    path.join(folder, 'texts/validation.csv'),
    'de,en,text\nzwei Hunde,two dogs,two dogs run on a field\n',
  );
  const model = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
  const asked = { model, dataset: 'classes', method: 'dense', maxSteps: 4, batchSize: 4, device: 'cpu' } as const;
  await prune({ ...asked, out: 'run', offline: true }, { cwd: folder });
});
afterAll(() => remove());

type Asked = Partial<VerbInput<'evaluate'>>;
const cases: readonly (readonly [what: string, model: string, asked: Asked])[] = [
  ['classes', 'run', { dataset: 'classes' }],
  [
    'a translation',
    path.join(shared, 'neuroprune-fixtures/t5-tiny-multi30k-de-en'),
    { task: 'translation', dataset: 'texts', columns: ['de', 'en'], maxNewTokens: 6, generator: 'neuroprune' },
  ],
  [
    'perplexity',
    path.join(shared, 'tiny-random/gpt2'),
    { task: 'perplexity', dataset: 'texts', maxLength: 32, stride: 32 },
  ],
];

const gpus = devices.filter(({ device }) => device !== 'cpu').map((found) => [titleOf(found), found] as const);

describe.each(gpus)('on %s', { timeout: 300_000 }, (_, { device, absent }) => {
  for (const [what, model, asked] of cases) {
    const isThere = model === 'run' || existsSync(model);
    const title = isThere ? what : `${what} (skipped without ../shared/hub)`;
    test.skipIf(absent !== undefined || !isThere)(`${title} is scored as on the cpu`, async () => {
      const scored = async (on: typeof device) => {
        const options = { ...asked, model, device: on, offline: true, cache: false, resamples: 0 };
        const { evaluation, device: used } = await evaluate(options as VerbInput<'evaluate'>, { cwd: folder });
        expect(used).toBe(on);
        return evaluation[0]?.metrics ?? {};
      };
      const [expected, actual] = [await scored('cpu'), await scored(device)];
      expect(Object.keys(expected).length).toBeGreaterThan(0);
      for (const [name, value] of Object.entries(expected))
        expect(Math.abs(actual[name]! - value), name).toBeLessThan(1e-4 * Math.max(1, value));
    });
  }
});
