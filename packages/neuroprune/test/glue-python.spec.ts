/** Scores of six tasks of GLUE beside those of transformers, scikit-learn and scipy on the same weights. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { neuroprune, root, TOKEN, temporary } from './command.js';

const python = process.env.NEUROPRUNE_PYTHON;
const shared = path.resolve(root, '../shared/hub');
const two = ['sst2', 'mrpc', 'cola', 'rte', 'wnli'];

describe.skipIf(python === undefined || !existsSync(shared))(
  'scores equal those of Python to 1e-4 (skipped without NEUROPRUNE_PYTHON and ../shared/hub)',
  () => {
    let folder = '';
    let hub: LocalHub;
    let remove = async (): Promise<void> => {};

    const call = async (line: string) => {
      const env = { HF_ENDPOINT: hub.url, HF_HOME: path.join(folder, 'home') };
      const { code, stdout, stderr } = await neuroprune([...line.split(' '), '--json', '--quiet'], {
        cwd: folder,
        env,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return JSON.parse(stdout);
    };

    beforeAll(async () => {
      ({ folder, remove } = await temporary());
      hub = await startLocalHub({ root: path.join(folder, 'hub'), token: TOKEN, seed: shared });
      const train = 'finetune neuroprune/bert-micro-uncased --batch-size 16';
      await call(`${train} --task sst2 --max-steps 60 --lr 4e-4 --out sentiment`);
      await call(`${train} --task stsb --max-steps 40 --lr 1e-3 --out similarity`);
      // A classifier whose classes have no names is scored on any task of two: its answers vary where those of a model
      // that was trained for so few steps on the task itself would all be the larger class.
      await cp(path.join(folder, 'sentiment/model'), path.join(folder, 'two'), { recursive: true });
      const config = JSON.parse(await readFile(path.join(folder, 'two/config.json'), 'utf8'));
      const id2label = { 0: 'LABEL_0', 1: 'LABEL_1' };
      const label2id = { LABEL_0: 0, LABEL_1: 1 };
      await writeFile(path.join(folder, 'two/config.json'), JSON.stringify({ ...config, id2label, label2id }));
    }, 180_000);

    afterAll(async () => {
      await hub?.close();
      await remove();
    });

    it('SST-2, MRPC, CoLA, RTE, WNLI and STS-B', async () => {
      const pairs = [...two.map((task) => `${task}=two`), 'stsb=similarity/model'];
      const { evaluation } = await call(`evaluate ${pairs.join(' ')} --resamples 0 --out scored`);
      const script = path.join(root, 'tools/golden/glue_scores.py');
      const data = path.join(shared, 'datasets/nyu-mll/glue');
      const { stdout } = await promisify(execFile)(python!, [script, data, ...pairs], {
        cwd: folder,
        env: { ...process.env, OMP_NUM_THREADS: '1' },
      });
      const expected = JSON.parse(stdout);
      expect(evaluation).toHaveLength(6);
      for (const { task, metrics } of evaluation) {
        expect(Object.keys(metrics)).toEqual(Object.keys(expected[task]));
        for (const [name, value] of Object.entries(metrics)) {
          expect(Math.abs((value as number) - expected[task][name]), `${task} ${name}`).toBeLessThan(1e-4);
        }
        const lines = (await readFile(path.join(folder, predictionsOf(task)), 'utf8')).trimEnd().split('\n');
        expect(new Set(lines.map((line) => JSON.parse(line).prediction)).size, task).toBeGreaterThan(1);
      }
    }, 180_000);

    const predictionsOf = (task: string): string =>
      `scored/predictions/${task === 'stsb' ? 'model' : 'two'}/${task}.ndjson`;
  },
);
