import { describe, expect, it } from 'vitest';
import { run } from '../../test/run.js';
import {
  type Attribute,
  check,
  cloneModel,
  contribOps,
  decompose,
  float32,
  GraphBuilder,
  inferModel,
  int64,
  lift,
  type Model,
  modelOf,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from '../index.js';

/** A fused node: its domain, operator, operands by place, attributes, and outputs to compare (all have names). */
interface Row {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attrs?: Readonly<Record<string, number | string | readonly number[]>>;
  /** Which outputs the node has. */
  readonly outputs?: readonly number[];
  /** The operands are constants of the model. */
  readonly constant?: readonly number[];
  /** The same in a form that ONNX Runtime's cpu provider has, where it lacks this one. */
  readonly like?: Row;
  /** Outputs to compare where the others are partly unspecified. */
  readonly compared?: readonly string[];
  readonly note?: string;
}

let state = 3;
function random(): number {
  state = (state * 1103515245 + 12345) % 2 ** 31;
  return state / 2 ** 31;
}
const some = (...dims: number[]) =>
  float32(
    Float32Array.from({ length: sizeOf(dims) }, () => random() * 2 - 1),
    dims,
  );
const int32 = (values: readonly number[], dims: readonly number[] = [values.length]) =>
  tensor('int32', dims, Int32Array.from(values));
const bool = (values: readonly number[], dims: readonly number[]) => tensor('bool', dims, Uint8Array.from(values));

const floats = new Set(['alpha', 'epsilon', 'qk_norm_epsilon', 'mask_filter_value', 'scale', 'softcap']);
const attribute = (name: string, value: number | string | readonly number[]): Attribute =>
  typeof value === 'object'
    ? { type: 'ints', value }
    : typeof value === 'string'
      ? { type: 'string', value }
      : { type: floats.has(name) ? 'float' : 'int', value };

function modelWith({ op, domain = 'com.microsoft', inputs, attrs = {}, outputs = [0], constant = [] }: Row): Model {
  const b = new GraphBuilder();
  const operands = inputs.map((t, i) => {
    if (!t) return undefined;
    const shape = t.dims.map((d, j) =>
      symbolic && d > 1 && (j === 0 || j === t.dims.length - 2) && t.dims.length > 2 ? `n${d}` : d,
    );
    return constant.includes(i) ? b.initializer(`x${i}`, t) : b.input(`x${i}`, t.dtype, shape);
  });
  const attributes = Object.fromEntries(Object.entries(attrs).map(([name, v]) => [name, attribute(name, v)]));
  const made = b.node(op, operands, attributes, Math.max(...outputs) + 1, domain);
  made.length = Math.max(...outputs) + 1;
  made.forEach((v, i) => {
    if (!outputs.includes(i)) v.name = '';
  });
  for (const i of outputs) b.output(made[i] as Value, `y${i}`);
  const model = lift(modelOf(b.graph)).model;
  if (domain !== '') model.opsets[domain] = 1;
  return model;
}
let symbolic = false;

const feedsOf = ({ inputs, constant = [] }: Omit<Row, 'op'>) =>
  Object.fromEntries(inputs.flatMap((t, i) => (t && !constant.includes(i) ? [[`x${i}`, t] as const] : [])));

const [B, S, H, D] = [2, 3, 2, 4];
const hidden = H * D;
const qkv = () => [some(B, S, hidden), some(B, S, hidden), some(B, S, hidden)];
const cache = (rows = 5, half = 2) => [some(rows, half), some(rows, half)] as const;
const mha = (inputs: Row['inputs'], attrs: Row['attrs'] = {}, more: Partial<Row> = {}): Row => ({
  op: 'MultiHeadAttention',
  inputs,
  attrs: { num_heads: H, ...attrs },
  ...more,
});

/** Query, key and value, or key and value alone, in one tensor [batch, sequence, heads, n, size]. */
function packed(n: 2 | 3): Row {
  const apart = qkv();
  const joined = new Float32Array(B * S * hidden * n);
  for (let at = 0; at < B * S * H; at++)
    apart.slice(3 - n).forEach((t, i) => {
      joined.set((t.data as Float32Array).subarray(at * D, (at + 1) * D), (at * n + i) * D);
    });
  const inputs = [...apart.slice(0, 3 - n), float32(joined, [B, S, H, n, D])];
  return mha(inputs, {}, { like: mha(apart), note: `${n} packed` });
}

/** Query, key and value from one product, with a bias. */
const fusedAttention = (more: Row['inputs'] = [], attrs: Row['attrs'] = {}, rest: Partial<Row> = {}): Row => ({
  op: 'Attention',
  inputs: [some(B, S, 6), some(6, 3 * hidden), some(3 * hidden), ...more],
  attrs: { num_heads: H, ...attrs },
  ...rest,
});
/** Ids, types, three tables, scale and shift of the norm. */
const embedded = (more: Row['inputs'] = [], outputs: readonly number[] = [0, 1]): Row => ({
  op: 'EmbedLayerNormalization',
  inputs: [
    ...[int32([1, 4, 0, 2, 3, 3], [B, S]), int32([0, 1, 1, 0, 0, 1], [B, S]), some(5, 4), some(6, 4), some(2, 4)],
    ...[some(4), some(4), ...more],
  ],
  attrs: { epsilon: 1e-2, mask_index_type: 1 },
  outputs,
  constant: [2, 3, 4, 5, 6],
});

const none = (n: number): undefined[] => Array.from({ length: n }, () => undefined);
const seqlens = (...n: number[]) => int32(n);
const scalar = (n: number) => int32([n], []);
const E = 16; // ONNX Runtime rotates multiples of 16
/** Prompt of `S` tokens; 4 query heads share 2 key heads. */
const gqa = (inputs: Row['inputs'], attrs: Row['attrs'] = {}, more: Partial<Row> = {}): Row => ({
  op: 'GroupQueryAttention',
  inputs,
  attrs: { num_heads: 4, kv_num_heads: 2, ...attrs },
  outputs: [0, 1, 2],
  ...more,
});
const prompt = () => [
  some(B, S, 4 * E),
  some(B, S, 2 * E),
  some(B, S, 2 * E),
  undefined,
  undefined,
  seqlens(2, 2),
  scalar(3),
];
/** Each piece of a head's size by its root mean square, times the weight. */
function normed({ data, dims }: Tensor, weight: Tensor, epsilon: number): Tensor {
  const given = data as Float32Array;
  const at = (i: number) => i - (i % E);
  const square = (from: number) => given.subarray(from, from + E).reduce((sum, x) => sum + x * x, 0);
  const scale = (i: number) => Number(weight.data[i % E]) / Math.sqrt(square(at(i)) / E + epsilon);
  return float32(
    given.map((x, i) => x * scale(i)),
    dims,
  );
}

/** Norms of query and key inside the node, which the cpu provider lacks, and outside of it. */
function qkNorm(epsilon: number, attrs: Row['attrs'] = {}): Row {
  const [q, k, ...rest] = [...prompt(), ...rotary()] as [Tensor, Tensor, ...Tensor[]];
  const [qWeight, kWeight] = [some(E), some(E)];
  const outside = [normed(q, qWeight, epsilon), normed(k, kWeight, epsilon), ...rest];
  const inside = [q, k, ...rest, ...Array.from({ length: 5 }, () => undefined), qWeight, kWeight];
  const all = { do_rotary: 1, ...attrs };
  return gqa(inside, all, { like: gqa(outside, { do_rotary: 1 }, { constant: [7, 8] }), note: 'norms' });
}
const rotary = (rows = 8) => [some(rows, E / 2), some(rows, E / 2)];
/** One more token after 3 and 4 cached ones, in caches with room for `room`. */
const decode = (room = 4) => [
  ...[some(B, 1, 4 * E), some(B, 1, 2 * E), some(B, 1, 2 * E), some(B, 2, room, E), some(B, 2, room, E)],
  ...[seqlens(3, 4), scalar(5)],
];
const std = (op: string, inputs: Row['inputs'], attrs: Row['attrs'] = {}, more: Partial<Row> = {}): Row => ({
  op,
  domain: '',
  inputs,
  attrs,
  ...more,
});
const heads = { q_num_heads: 4, kv_num_heads: 2 };
const four = () => [some(B, 4, S, D), some(B, 2, S, D), some(B, 2, S, D)];

const rows: readonly Row[] = [
  fusedAttention(),
  fusedAttention([undefined], { scale: 0.3, unidirectional: 1 }, { constant: [1, 2] }),
  fusedAttention([int32([2, 3])], {}, { note: 'lengths' }),
  fusedAttention([int32([1, 1, 0, 1, 0, 0], [2, 3])], { mask_filter_value: -2 }),
  fusedAttention([undefined, undefined, some(B, H, S, S)]),
  fusedAttention([undefined, some(2, B, H, 2, D)], { unidirectional: 1 }, { outputs: [0, 1] }),
  {
    op: 'Attention',
    inputs: [some(B, S, 6), some(6, 2 * hidden + 6), some(2 * hidden + 6)],
    attrs: { num_heads: H, qkv_hidden_sizes: [hidden, hidden, 6] },
    note: 'values of another size',
  },
  embedded(),
  embedded([int32([1, 1, 0, 1, 0, 0], [2, 3])], [0, 1, 2]),
  embedded([undefined, int32([2, 1, 0, 4, 0, 5], [2, 3])], [0, 1, 2]),
  {
    op: 'EmbedLayerNormalization',
    inputs: [int32([1, 4, 0, 2, 3, 3], [B, S]), undefined, some(5, 4), some(6, 4), undefined, some(4), some(4)],
    outputs: [0, 1],
    note: 'no types',
  },
  { op: 'BiasGelu', inputs: [some(2, 3, 4), some(4)] },
  { op: 'FastGelu', inputs: [some(2, 3, 4)] },
  { op: 'FastGelu', inputs: [some(2, 3, 4), some(4)] },
  { op: 'QuickGelu', inputs: [some(2, 3)] },
  { op: 'QuickGelu', inputs: [some(2, 3)], attrs: { alpha: 0.5 } },
  { op: 'FusedMatMul', inputs: [some(2, 3, 4), some(4, 5)] },
  { op: 'FusedMatMul', inputs: [some(2, 4, 3), some(2, 5, 4)], attrs: { transA: 1, transB: 1, alpha: 0.5 } },
  { op: 'FusedMatMul', inputs: [some(3, 2, 4), some(2, 4, 5)], attrs: { transBatchA: 1 } },
  { op: 'FusedMatMul', inputs: [some(2, 3, 4), some(4, 2, 5)], attrs: { transBatchB: 1 } },
  { op: 'FusedMatMul', inputs: [some(4, 2, 3), some(2, 5, 4)], attrs: { transBatchA: 1, transA: 1, transB: 1 } },
  {
    op: 'SkipLayerNormalization',
    inputs: [some(2, 3, 4), some(2, 3, 4), some(4), some(4), some(4)],
    attrs: { epsilon: 1e-2 },
    outputs: [0, 3],
  },
  { op: 'SkipLayerNormalization', inputs: [some(2, 3, 4), some(2, 3, 4), some(4)] },
  { op: 'SkipLayerNormalization', inputs: [some(2, 3, 4), some(3, 4), some(4), some(4)] },
  {
    op: 'SkipLayerNormalization',
    inputs: [some(2, 3, 4), some(1, 3, 4), some(4), some(4), undefined],
    outputs: [0, 3],
  },
  { op: 'SkipSimplifiedLayerNormalization', inputs: [some(2, 3, 4), some(2, 3, 4), some(4)], attrs: { epsilon: 1e-2 } },
  { op: 'SkipSimplifiedLayerNormalization', inputs: [some(2, 3, 4), some(2, 3, 4), some(4), some(4)], outputs: [0, 3] },
  { op: 'SimplifiedLayerNormalization', domain: '', inputs: [some(2, 3, 4), some(4)], attrs: { epsilon: 1e-2 } },
  {
    op: 'SimplifiedLayerNormalization',
    domain: '',
    inputs: [some(2, 3, 4), some(3, 4)],
    attrs: { axis: 1 },
    outputs: [0, 1],
  },
  { op: 'RotaryEmbedding', inputs: [some(B, S, hidden), int64([1]), ...cache()], constant: [2, 3] },
  {
    op: 'RotaryEmbedding',
    inputs: [some(B, S, hidden), int64([0, 1, 2, 1, 1, 4], [2, 3]), ...cache()],
    attrs: { interleaved: 1 },
    constant: [2, 3],
  },
  { op: 'RotaryEmbedding', inputs: [some(B, H, S, D), int64([2]), ...cache()] },
  {
    op: 'RotaryEmbedding',
    inputs: [some(B, S, hidden), int64([1]), ...cache(5, 1)],
    attrs: { num_heads: H, rotary_embedding_dim: 2 },
  },
  {
    op: 'RotaryEmbedding',
    inputs: [some(B, S, hidden), int64([0, 1, 1, 0, 0, 1], [2, 3]), ...cache(2)],
    attrs: { is_packed_batching: 1 },
    constant: [2, 3],
  },
  {
    op: 'RotaryEmbedding',
    inputs: [some(B, S, hidden), int64([1]), ...cache()],
    attrs: { scale: 2 },
    constant: [2, 3],
  },
  mha(qkv()),
  mha([some(B, S, hidden), some(B, 4, hidden), some(B, 4, hidden)], { scale: 0.3 }),
  mha([some(B, S, hidden), some(B, 4, hidden), some(B, 4, H * 3)], {}, { note: 'values of another size' }),
  mha([...qkv(), some(3 * hidden)], {}, { constant: [3] }),
  packed(3),
  packed(2),
  mha([some(B, S, hidden), some(B, H, 4, D), some(B, H, 4, D)], {}, { note: 'key in heads' }),
  mha([...qkv(), undefined, int32([1, 1, 0, 1, 0, 0], [2, 3])]),
  mha([...qkv(), undefined, int32([1, 1, 0, 1, 0, 0], [2, 3])], { mask_filter_value: -1 }),
  mha([...qkv(), undefined, int32([2, 3])], {}, { note: 'lengths' }),
  mha([...qkv(), undefined, int32([2, 3, 0, 3, 6, 0, 2, 5])], {}, { note: 'lengths and beginnings' }),
  mha([
    ...qkv(),
    undefined,
    int32(
      Array.from({ length: 18 }, (_, i) => (i % 4 === 3 ? 0 : 1)),
      [2, 3, 3],
    ),
  ]),
  mha([...qkv(), undefined, undefined, some(1, H, S, S)]),
  mha([...qkv(), undefined, undefined, some(B, 1, S, S)], { unidirectional: 1 }),
  mha(
    [...qkv(), undefined, undefined, undefined, some(B, H, 2, D), some(B, H, 2, D)],
    { unidirectional: 1 },
    { outputs: [0, 1, 2] },
  ),
  mha(qkv(), { unidirectional: 1 }, { outputs: [0, 1, 2] }),
  mha(qkv(), {}, { outputs: [0, 3] }),
  gqa(prompt()),
  gqa(prompt(), { scale: 0.2, softcap: 1.5 }),
  gqa(prompt(), { local_window_size: 2 }),
  gqa(prompt(), { smooth_softmax: 1 }),
  gqa([...prompt(), ...rotary()], { do_rotary: 1 }, { constant: [7, 8] }),
  gqa([...prompt(), ...rotary()], { do_rotary: 1, rotary_interleaved: 1 }, { constant: [7, 8] }),
  gqa([...prompt(), undefined, undefined, undefined, some(1, 4, S, S)]),
  gqa([...prompt(), undefined, undefined, undefined, undefined, some(4)], {}, { note: 'head_sink' }),
  gqa(
    [some(B, S, 8 * E), undefined, undefined, undefined, undefined, seqlens(2, 2), scalar(3)],
    {},
    { note: 'packed' },
  ),
  gqa(
    [some(B, S, 8 * E), undefined, undefined, undefined, undefined, seqlens(2, 2), scalar(3), ...rotary()],
    { do_rotary: 1 },
    { constant: [7, 8] },
  ),
  gqa(decode(), {}, { compared: ['y0'] }),
  gqa([...decode(8), ...rotary()], { do_rotary: 1, local_window_size: 2 }, { compared: ['y0'], constant: [7, 8] }),
  gqa(prompt(), { qk_output: 1 }, { outputs: [0, 1, 2, 3] }),
  gqa(prompt(), { qk_output: 2 }, { outputs: [0, 1, 2, 3] }),
  gqa(prompt(), { causal: 0 }),
  qkNorm(1e-6),
  qkNorm(0.5, { qk_norm_epsilon: 0.5 }),
  std('RMSNormalization', [some(2, 3, 4), some(4)], { epsilon: 1e-2 }),
  std('RMSNormalization', [some(2, 3, 4), some(3, 4)], { axis: 1 }),
  std('RotaryEmbedding', [some(B, H, S, D), some(B, S, D / 2), some(B, S, D / 2)]),
  std('RotaryEmbedding', [some(B, S, hidden), ...cache(), int64([0, 1, 2, 3, 0, 4], [B, S])], {
    num_heads: H,
    interleaved: 1,
  }),
  std('RotaryEmbedding', [some(B, H, S, D), ...cache(5, 1), int64([0, 1, 2, 3, 0, 4], [B, S])], {
    rotary_embedding_dim: 2,
  }),
  std('Attention', four()),
  std('Attention', [some(B, S, 4 * D), some(B, 5, 2 * D), some(B, 5, 2 * 3)], { ...heads, scale: 0.3 }),
  std('Attention', four(), { is_causal: 1 }),
  std('Attention', [...four(), some(S, S)], { is_causal: 1 }),
  std('Attention', [...four(), bool([1, 0, 1, 1, 1, 0, 0, 0, 1], [3, 3])]),
  std('Attention', [...four(), some(B, 1, S, S)], { softcap: 0.5 }),
  std(
    'Attention',
    [...four(), undefined, some(B, 2, 2, D), some(B, 2, 2, D)],
    { is_causal: 1 },
    { outputs: [0, 1, 2] },
  ),
  ...[0, 1, 2, 3].map((mode) =>
    std('Attention', [...four(), some(S, S)], { qk_matmul_output_mode: mode, softcap: 0.7 }, { outputs: [0, 3] }),
  ),
  std('Attention', four(), { softmax_precision: 1 }),
];

const difference = (a: Tensor, b: Tensor) =>
  Math.max(0, ...Array.from(a.data as Float32Array, (x, i) => Math.abs(x - (b.data as Float32Array)[i]!)));

describe('decompose', () => {
  it('has a row for each operator of ONNX Runtime', () =>
    expect(new Set(rows.filter((r) => r.domain !== '' || Object.hasOwn(contribOps, r.op)).map((r) => r.op))).toEqual(
      new Set(Object.keys(contribOps)),
    ));

  it.each(rows.map((row, i) => [`${i} ${row.op} ${JSON.stringify(row.attrs ?? {})} ${row.note ?? ''}`, row] as const))(
    '%s',
    async (_, row) => {
      for (symbolic of [false, true]) {
        const fused = modelWith(row);
        const written = decompose(inferModel(cloneModel(fused)));
        expect(written.modified).toBe(true);
        check(written.model);
        const reference = row.like ?? row;
        const expected = await run(modelWith(reference), feedsOf(reference));
        const got = await run(written.model, feedsOf(row));
        for (const name of row.compared ?? Object.keys(expected)) {
          expect(got[name]!.dims, name).toEqual(expected[name]!.dims);
          expect(difference(got[name]!, expected[name]!), name).toBeLessThan(1e-5);
        }
      }
    },
  );

  // Of these, ONNX Runtime's cpu provider runs the first alone, over keys that the shared buffer does not hold yet.
  it.each<readonly [string, Row]>([
    ["expected no 'past_sequence_length'", mha([...qkv(), ...none(3), some(B, H, 5, D), some(B, H, 5, D), int32([3])])],
    ["expected no 'cache_indirection'", mha([...qkv(), ...none(6), int32(Array(10).fill(0), [B, 1, 5])])],
    ["expected no 'k_scale'", gqa([...prompt(), ...none(5), some(1)])],
    ["expected no 'v_scale'", gqa([...prompt(), ...none(6), some(1)])],
    ["expected 'k_quant_type' NONE, got PER_TENSOR", gqa(prompt(), { k_quant_type: 'PER_TENSOR' })],
    ["expected 'v_quant_type' NONE, got PER_CHANNEL", gqa(prompt(), { v_quant_type: 'PER_CHANNEL' })],
    ["expected 'kv_cache_bit_width' 0, got 8", gqa(prompt(), { kv_cache_bit_width: 8 })],
    ["expected 'sliding_window_cache' 0, got 1", gqa(prompt(), { sliding_window_cache: 1 })],
    ["expected 'cos_cache' and 'sin_cache' beside 'do_rotary', got none", gqa(prompt(), { do_rotary: 1 })],
    ['expected a key beside a query of three axes, got none', mha([some(B, S, hidden)])],
    ['expected no rotation, got do_rotary', fusedAttention([], { do_rotary: 1 })],
    ["expected no 'past_sequence_length'", fusedAttention([...none(3), int32([2])])],
    ['expected a mask of lengths, .*, got \\[2,1,3,3\\]', fusedAttention([int32(Array(18).fill(1), [2, 1, 3, 3])])],
    ['expected a mask of lengths, .*, got \\[4\\]', fusedAttention([int32([2, 3, 0, 0])])],
  ])('refuses: %s', (message, row) => {
    symbolic = false;
    expect(() => decompose(inferModel(modelWith(row)))).toThrow(
      new RegExp(`^onnx: decompose: com\\.microsoft\\.${row.op} \\(node '.+'\\): ${message}`),
    );
  });
});
