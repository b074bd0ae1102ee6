import path from 'node:path';
import { codeOf, type DType, GraphBuilder, type Model, modelOf, saveModel } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { rowsOfLengths, temporaryFolder } from '../test/shared.js';
import { evaluationBatches } from './batches.js';
import { scoreTask } from './evaluate.js';
import { sessionPredict } from './session-predict.js';
import { tasks } from './tasks.js';

const tokenInputs = ['input_ids', 'attention_mask', 'token_type_ids'];

// One logit an input: the sum of a row's values there that are not masked.
function sums({
  names = tokenInputs,
  dtype = 'int64' as DType,
  output = 'logits',
  to = 'float32' as DType,
  shape = ['batch', 'sequence'] as readonly (string | number)[],
  mask: at = names.indexOf('attention_mask'),
} = {}): Model {
  const builder = new GraphBuilder();
  const inputs = names.map((name) => builder.input(name, dtype, shape));
  const mask = inputs[at]!;
  const columns = inputs.map((input) =>
    builder.op.ReduceSum(builder.op.Mul(input, mask), builder.ints(1), { keepdims: 1 }),
  );
  builder.output(builder.op.Cast(builder.op.Concat(columns, { axis: 1 }), { to: codeOf(to) }), output);
  return modelOf(builder.graph);
}

const set = rowsOfLengths([3, 1, 4, 2, 5]);

const expected = (column: number) =>
  set.rows.map(({ inputIds, tokenTypeIds }) =>
    [inputIds, inputIds.map(() => 1), tokenTypeIds]
      .map((values) => values.reduce((sum, value) => sum + value, 0))
      .slice(0, column),
  );

describe('sessionPredict', () => {
  it('gives each row its logits, whatever it is batched with', async () => {
    await using session = await sessionPredict(sums(), { threads: 1 });
    const { predictions, metrics } = await scoreTask(tasks.mnli, session.predict, set, { batchSize: 2 });
    expect(predictions.map((row) => row.logits)).toEqual(expected(3));
    expect(metrics.accuracy).toBe(0.6);
  });

  it('takes a model file, int32 inputs, a model without token types, and a lone output of any name', async () => {
    const file = path.join(await temporaryFolder(), 'model.onnx');
    await saveModel(sums({ names: tokenInputs.slice(0, 2), dtype: 'int32', output: 'scores' }), file);
    await using session = await sessionPredict(file, { threads: 1 });
    const { predictions } = await scoreTask(tasks.sst2, session.predict, set);
    expect(predictions.map((row) => row.logits)).toEqual(expected(2));
  });

  it('takes inputs of other names, positions, and logits of other float types', async () => {
    const names = ['segment_ids:0', 'input_mask:0', 'input_word_ids', 'position_ids'];
    const all = rowsOfLengths([3, 3]);
    for (const to of ['float16', 'float64'] as const) {
      await using session = await sessionPredict(sums({ names, mask: 1, to }), { threads: 1 });
      const logits = await session.predict(evaluationBatches(all, 2).at(0)!.batch);
      expect([...logits.subarray(0, 4)]).toEqual([1, 3, 6, 0 + 1 + 2]);
    }
  });

  it.each([
    ['rows', [2, 'sequence'], undefined],
    ['a length', ['batch', 5], 5],
    ['both', [3, 7], 7],
  ] as const)('gives a graph that is fixed to %s what it wants', async (_, shape, maxLength) => {
    await using session = await sessionPredict(sums({ shape }), { threads: 1 });
    expect(session.maxLength).toBe(maxLength);
    const { predictions } = await scoreTask(tasks.mnli, session.predict, set, { batchSize: 5 });
    expect(predictions.map((row) => row.logits)).toEqual(expected(3));
    const long = scoreTask(tasks.mnli, session.predict, rowsOfLengths([9]));
    if (maxLength === undefined) await long;
    else await expect(long).rejects.toThrow(`model: expected rows of at most ${maxLength} tokens, got 9`);
  });

  it.each([
    [
      'inputs that are no tokens',
      sums({ dtype: 'float32' }),
      /expected int64 token inputs, got float32 for 'input_ids'/,
    ],
    ['an input no task has', sums({ names: ['attention_mask', 'pixels'] }), /got another input for 'pixels'/],
    ['logits that are no floats', sums({ to: 'int32' }), /expected logits of a float type, got int32/],
  ])('refuses %s', async (_, model, message) => {
    const scored = async () => {
      await using session = await sessionPredict(model, { threads: 1 });
      await scoreTask(tasks.mnli, session.predict, set);
    };
    await expect(scored()).rejects.toThrow(message);
    await expect(scored()).rejects.toMatchObject({ kind: 'input' });
  });

  it('refuses a model whose logits cannot be told', async () => {
    const model = sums({ output: 'a' });
    const other = sums({ output: 'b' });
    model.graph.outputs.push(...other.graph.outputs);
    await expect(sessionPredict(model)).rejects.toThrow(/expected an output 'logits', got a, b/);
  });

  it('refuses a file that is none', async () => {
    await expect(sessionPredict(path.join(await temporaryFolder(), 'none.onnx'))).rejects.toMatchObject({
      kind: 'input',
    });
  });
});
