import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { encode } from '../src/encode.js';
import type { GenerateOptions } from '../src/generate/generator.js';
import { settingsSchema } from '../src/generate/settings.js';
import { epochBatches, loadTokenizer, metricFacts, metrics, tasks, tokenCounts } from '../src/index.js';
import { glueRows } from './shared.js';

const root = path.resolve(import.meta.dirname, '../../..');
const readme = readFileSync(path.join(import.meta.dirname, '../README.md'), 'utf8');

describe('README', () => {
  it('its example runs on the built package', async () => {
    const example = readme.match(/```js\n(.*?)```/s)![1]!;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', example], {
      cwd: root,
    });
    expect(stdout).toContain('{ tokens: 20, computedTokens: 384, paddedTokens: 256 }');
    expect(stdout).toContain('metrics: { accuracy: 0.5 }');
  });

  it('its table of metrics is that of the code, and its BLEU comes out', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` +\| (`.*?`) +\| (\S+) +\| (higher|lower) +\|/gm)];
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(metricFacts));
    for (const [, name, keys, range, direction] of rows) {
      const facts = metricFacts[name as keyof typeof metricFacts];
      const high = facts.high === Number.POSITIVE_INFINITY ? '' : facts.high;
      expect(keys!.match(/\w+/g)).toEqual([...facts.keys]);
      expect([range!.replace('−', '-'), direction]).toEqual([`${facts.low}…${high}`, facts.direction]);
    }
    const { bleu, signature } = metrics.bleu(['The cat sat.'], [['The cat sat.', 'A cat sat.']], {
      effectiveOrder: true,
    });
    expect(readme).toContain(`{ bleu: ${bleu}, signature: '${signature}' }`);
  });

  it('its table of generation has every option, with none that is none', () => {
    const table = readme.slice(readme.indexOf('| option '), readme.indexOf('- The result has `texts`'));
    const named = [...table.matchAll(/^\| (`.*?) +\|/gm)].flatMap(([, cell]) => cell!.match(/\w+/g)!);
    const running = ['batchSize', 'signal', 'onEvent'] satisfies (keyof GenerateOptions)[];
    expect(named.sort()).toEqual([...Object.keys(settingsSchema.shape), ...running].sort());
  });

  it('its figures of an SST-2 epoch hold', async () => {
    const hub = path.join(root, 'fixtures/hub');
    const tokenizer = await loadTokenizer(path.join(hub, 'models/neuroprune/bert-micro-uncased'));
    const set = encode(tokenizer, await glueRows('sst2', 'train', hub), tasks.sst2, 128);
    const batches = epochBatches(set, { batchSize: 32, seed: 0, epoch: 0 });
    const { tokens, computedTokens, paddedTokens } = tokenCounts(batches, 128);
    for (const figure of [set.rows.length, batches.length, tokens, computedTokens, paddedTokens]) {
      expect(readme).toContain(figure.toLocaleString('en'));
    }
  });
});
