import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './pack.mjs';

const run = path.join(root, 'runs/quickstart/run.json');

/** Checks what the last quickstart left, where one has run. @param {import('./checks.mjs').Checks} checks */
export async function checkQuickstart(checks) {
  const name = 'quickstart reached its targets, and what it published gives the logits that were proved';
  if (!existsSync(run)) return checks.skip(name, 'npm run quickstart has not run here');
  await checks.check(name, async () => {
    const { sparsity, heads, parameters, proof, evaluation, published, readBack } = JSON.parse(
      await readFile(run, 'utf8'),
    );
    const [{ metrics, dense, examples }] = evaluation;
    assert.ok(Math.abs(sparsity.reached - 0.7) <= 0.001, `sparsity ${sparsity.reached}`);
    assert.deepEqual([heads.kept, heads.total], [14, 16]);
    assert.ok(proof.maxAbsDifference <= 1e-4 && proof.examples === examples, `proof ${JSON.stringify(proof)}`);
    assert.ok(parameters.compact < parameters.dense, `parameters ${JSON.stringify(parameters)}`);
    assert.ok(dense.accuracy >= 0.83, `dense accuracy ${dense.accuracy}`);
    assert.ok(metrics.accuracy >= 0.815, `sparse accuracy ${metrics.accuracy}`);
    assert.equal(published.repo, readBack.repo);
    assert.ok(readBack.examples >= 32 && readBack.maxAbsDifference <= 1e-4, `read back ${JSON.stringify(readBack)}`);
  });
}
