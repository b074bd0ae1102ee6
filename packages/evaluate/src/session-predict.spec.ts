import path from 'node:path';
import { codeOf, type DType, GraphBuilder, type Model, modelOf, saveModel } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { rowsOfLengths, temporaryFolder } from '../test/shared.js';
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
} = {}): Model {
  const builder = new GraphBuilder();
  const inputs = names.map((name) => builder.input(name, dtype, ['batch', 'sequence']));
  const mask = inputs[names.indexOf('attention_mask')]!;
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

  it.each([
    [
      'inputs that are no tokens',
      sums({ dtype: 'float32' }),
      /expected int64 token inputs, got float32 for 'input_ids'/,
    ],
    ['an input no task has', sums({ names: ['attention_mask', 'position_ids'] }), /position_ids/],
    ['logits that are no float32', sums({ to: 'float64' }), /expected float32 logits, got float64/],
  ])('refuses %s', async (_, model, message) => {
    await using session = await sessionPredict(model, { threads: 1 });
    await expect(scoreTask(tasks.mnli, session.predict, set)).rejects.toThrow(message);
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
