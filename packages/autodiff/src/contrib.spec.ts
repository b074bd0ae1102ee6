import {
  type Attribute,
  type ContribType,
  contribOps,
  float32,
  GraphBuilder,
  modelOf,
  sizeOf,
  type Tensor,
  tensor,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate, randomOf } from '../test/evaluate.js';
import { gradients } from './gradients.js';

const random = randomOf(11);
const some = (...dims: number[]) =>
  float32(
    Float32Array.from({ length: sizeOf(dims) }, () => random() * 2 - 1),
    dims,
  );
const int32 = (values: readonly number[], dims: readonly number[] = [values.length]) =>
  tensor('int32', dims, Int32Array.from(values));
const int = (value: number): Attribute => ({ type: 'int', value });
type Row = readonly [inputs: readonly (Tensor | undefined)[], attributes?: Readonly<Record<string, Attribute>>];

const wide = () => some(2, 3, 8);
const three = () => some(2, 3, 4);
/** Operands and attributes of each of ONNX Runtime's own operators. */
const rows: { readonly [K in ContribType]: Row } = {
  Attention: [[three(), some(4, 24), some(24), int32([1, 1, 0, 1, 1, 1], [2, 3])], { num_heads: int(2) }],
  BiasGelu: [[three(), some(4)]],
  EmbedLayerNormalization: [
    [
      ...[int32([1, 4, 0, 2, 3, 3], [2, 3]), int32([0, 1, 1, 0, 0, 1], [2, 3]), some(5, 4), some(3, 4), some(2, 4)],
      ...[some(4), some(4)],
    ],
  ],
  FastGelu: [[three(), some(4)]],
  FusedMatMul: [[some(2, 4, 3), some(2, 4, 5)], { transA: int(1), alpha: { type: 'float', value: 0.5 } }],
  GroupQueryAttention: [
    [
      some(2, 3, 64),
      some(2, 3, 32),
      some(2, 3, 32),
      undefined,
      undefined,
      int32([2, 2]),
      int32([3], []),
      some(4, 8),
      some(4, 8),
    ],
    { num_heads: int(4), kv_num_heads: int(2), do_rotary: int(1) },
  ],
  MultiHeadAttention: [[wide(), wide(), wide(), some(24), int32([1, 1, 0, 1, 1, 1], [2, 3])], { num_heads: int(2) }],
  QuickGelu: [[three()]],
  RotaryEmbedding: [
    [wide(), tensor('int64', [1], BigInt64Array.of(1n)), some(5, 2), some(5, 2)],
    { num_heads: int(2) },
  ],
  SimplifiedLayerNormalization: [[three(), some(4)]],
  SkipLayerNormalization: [[three(), three(), some(4), some(4), some(4)]],
  SkipSimplifiedLayerNormalization: [[three(), three(), some(4)]],
};

/** Outputs that ONNX Runtime wants even where nobody reads them. */
const leastOutputs: { readonly [K in ContribType]?: number } = { EmbedLayerNormalization: 2, GroupQueryAttention: 3 };

function modelOfRow(type: ContribType, [inputs, attributes = {}]: Row) {
  const b = new GraphBuilder();
  const operands = inputs.map((t, i) => t && b.input(`x${i}`, t.dtype, t.dims));
  const domain = type === 'SimplifiedLayerNormalization' ? '' : 'com.microsoft';
  const made = b.node(type, operands, attributes, 1, domain);
  made.length = leastOutputs[type] ?? 1;
  const y = made[0]!;
  b.output(b.op.ReduceSum(b.op.Mul(b.op.Sin(y), y), undefined, { keepdims: 0 }), 'loss');
  const model = modelOf(b.graph);
  model.opsets['com.microsoft'] = 1;
  return model;
}

describe('gradients of the operators of ONNX Runtime agree with central differences of the fused ones', () => {
  it('have a row each', () => expect(Object.keys(rows).sort()).toEqual(Object.keys(contribOps).sort()));

  it.each(Object.entries(rows))('%s', async (type, row) => {
    const model = modelOfRow(type as ContribType, row);
    const feeds = Object.fromEntries(row[0].flatMap((t, i) => (t ? [[`x${i}`, t] as const] : [])));
    const wrt = Object.keys(feeds).filter((name) => feeds[name]!.dtype === 'float32');
    const given = await evaluate(gradients(model, { of: 'loss', wrt }), feeds);
    const v = Object.fromEntries(wrt.map((name) => [name, some(...feeds[name]!.dims)]));
    const at = async (step: number) => {
      const moved = wrt.map((name) => {
        const { data, dims } = feeds[name] as Tensor<'float32'>;
        return [
          name,
          float32(
            data.map((x, i) => x + step * v[name]!.data[i]!),
            dims,
          ),
        ] as const;
      });
      return Number((await evaluate(model, { ...feeds, ...Object.fromEntries(moved) })).loss!.data[0]);
    };
    const numeric = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2;
    const analytic = wrt.reduce(
      (sum, name) => sum + v[name]!.data.reduce((s, x, i) => s + x * (given[`grad.${name}`]!.data[i] as number), 0),
      0,
    );
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(Math.abs(analytic - numeric)).toBeLessThan(1e-2 * Math.max(1, Math.abs(numeric)));
  });
});
