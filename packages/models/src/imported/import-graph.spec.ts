import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  float16Bits,
  float32,
  GraphBuilder,
  type Model,
  modelOf,
  Node,
  readModel,
  saveModel,
  tensor,
  type Value,
} from '@neuroprune/onnx';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../load-model.js';

const fixtures = path.resolve(import.meta.dirname, '../../fixtures/imported');
const original = (name = 'bert-eager') => readModel(path.join(fixtures, `${name}.onnx`));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imported-'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function load(model: Model, options?: Parameters<typeof loadModel>[1], externalData?: string) {
  const file = path.join(folder, `${files++}.onnx`);
  await saveModel(model, file, externalData === undefined ? {} : { externalData });
  return loadModel(file, options);
}

/** Ids to the mean of their rows to two logits; `more` goes on from the rows. */
function plain(more: (b: GraphBuilder, rows: Value) => Value = (_, rows) => rows): Model {
  const b = new GraphBuilder();
  const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
  const table = b.initializer('table', float32(new Float32Array(80).fill(0.5), [10, 8]));
  const rows = more(b, b.op.Gather(table, ids));
  const mean = b.op.ReduceMean(rows, b.ints(1), { keepdims: 0 });
  const weight = b.initializer('w', float32(new Float32Array(16).fill(0.1), [8, 2]));
  b.output(b.op.MatMul(mean, weight), 'logits');
  return modelOf(b.graph);
}

describe('refused with the reason', () => {
  test.each<[string, (b: GraphBuilder, rows: Value) => Value, string]>([
    [
      'DequantizeLinear',
      (b, rows) => {
        const stored = b.initializer('q', tensor('int8', [8, 8], new Int8Array(64)));
        return b.op.MatMul(rows, b.op.DequantizeLinear(stored, b.scalar(0.1)));
      },
      'quantized graph: expected float32 weights, got DequantizeLinear; rounded weights cannot be trained: take the float32 export',
    ],
    [
      'MatMulNBits',
      (b, rows) => b.node('MatMulNBits', [rows], {}, 1, 'com.microsoft')[0]!,
      'quantized graph: expected float32 weights, got MatMulNBits',
    ],
    [
      'QAttention',
      (b, rows) => b.node('QAttention', [rows], {}, 1, 'com.microsoft')[0]!,
      'quantized graph: expected float32 weights, got QAttention',
    ],
    [
      'DynamicQuantizeLinear and MatMulInteger',
      (b, rows) => {
        const [q, scale] = b.op.DynamicQuantizeLinear(rows) as [Value, Value];
        const stored = b.initializer('q', tensor('uint8', [8, 8], new Uint8Array(64)));
        return b.op.Mul(b.op.Cast(b.op.MatMulInteger(q, stored), { to: 1 }), scale);
      },
      'got DynamicQuantizeLinear, MatMulInteger',
    ],
    [
      'an operator that nobody knows',
      (b, rows) => b.node('FancyAttention', [rows], {}, 1, 'com.example')[0]!,
      'com.example.FancyAttention: expected operators of ONNX, or of ONNX Runtime that are known here',
    ],
    [
      'products in half precision',
      (b, rows) => {
        const stored = b.initializer('h', tensor('float16', [8, 8], new Uint16Array(64)));
        return b.op.Cast(b.op.MatMul(b.op.Cast(rows, { to: 10 }), stored), { to: 1 });
      },
      "MatMul (node ''): expected products in float32, got float16; take the float32 export",
    ],
    [
      'a cache',
      (b, rows) => b.op.Concat([b.input('past_key_values.0.key', 'float32', ['batch', 'past', 8]), rows], { axis: 1 }),
      "input 'past_key_values.0.key': expected one of token_type_ids, position_ids, attention_mask, input_ids, integers [batch, sequence], got float32 [batch, past, 8]",
    ],
  ])('%s', async (_, more, message) => {
    const loading = load(plain(more));
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toMatchObject({ kind: 'input' });
  });

  test('branches', async () => {
    const b = new GraphBuilder();
    const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
    const branch = (value: number) => {
      const inner = b.subgraph('branch');
      inner.output(inner.op.Identity(inner.constant(float32([value, 1], [1, 2]))), `y${value}`);
      return inner.graph;
    };
    const is = b.op.Greater(b.op.ReduceMax(ids, undefined, { keepdims: 0 }), b.scalar(3, 'int64'));
    const [y] = b.node(
      'If',
      [is],
      { then_branch: { type: 'graph', value: branch(1) }, else_branch: { type: 'graph', value: branch(2) } },
      1,
    );
    b.output(y!, 'logits');
    await expect(load(modelOf(b.graph))).rejects.toThrow(
      /^models: If \(node '.*'\): expected a graph without branches/,
    );
  });

  test('other labels than the logits have', async () => {
    await expect(load(await original(), { head: { numLabels: 3 } })).rejects.toThrow(
      'logits: expected 3 columns for the task, got 2; a model without source keeps the head it came with',
    );
  });

  test('a file that is not there', async () => {
    await expect(loadModel(path.join(folder, 'none.onnx'))).rejects.toThrow('expected an ONNX file, found none');
  });
});

test('a cache that is read for something else than what comes before is refused', async () => {
  const cached = (more: (b: GraphBuilder, past: Value) => Value) =>
    load(
      plain((b, rows) => {
        const past = b.input('past_key_values.0.key', 'float32', ['batch', 1, 'past', 8]);
        return b.op.Add(rows, b.op.Squeeze(b.op.ReduceSum(more(b, past), b.ints(2), { keepdims: 0 }), b.ints(1)));
      }),
    );
  await expect(cached((b, past) => b.op.Mul(past, b.scalar(2)))).rejects.toThrow("input 'past_key_values.0.key'");
});

test('a graph without layers has none, and says what looked like one', async () => {
  const { prunable, imported } = await load(plain());
  expect([prunable, imported]).toEqual([[], { unknown: [] }]);
  const biased = await load(await perHead());
  expect(biased.prunable).toHaveLength(1);
  expect(biased.imported?.unknown).toEqual([expect.stringMatching(/Softmax: .* of its own for each of the 4$/)]);
});

/** The same with a bias for each head added to the scores of the first layer. */
async function perHead(): Promise<Model> {
  const model = await original();
  const softmax = model.graph.nodes.find(({ opType }) => opType === 'Softmax')!;
  const b = new GraphBuilder(model.graph);
  const bias = b.initializer('own', float32([1, 2, 3, 4], [1, 4, 1, 1]));
  const at = model.graph.nodes.indexOf(softmax);
  const sum = new Node('Add', [softmax.inputs[0], bias], []);
  const [value] = b.node('Identity', [softmax.inputs[0]], {}, 1);
  model.graph.nodes.pop();
  sum.outputs.push(value!);
  value!.producer = sum;
  model.graph.nodes.splice(at, 0, sum);
  softmax.inputs[0] = value;
  return model;
}

describe('weights at several places', () => {
  const readers = ({ graph }: Model, weight: Value) => graph.nodes.filter(({ inputs }) => inputs.includes(weight));

  test('positions with maps of their own keep their layer dense', async () => {
    const model = await original('deberta-optimum');
    const [weight] = model.graph.initializers.filter(
      (value) => readers(model, value).length > 1 && value.shape?.length === 2,
    );
    const [, ofPositions] = readers(model, weight!);
    ofPositions!.inputs[1] = new GraphBuilder(model.graph).initializer('own', weight!.tensor!);
    const { prunable, imported, tensors } = await load(model);
    expect(prunable).toHaveLength(1);
    expect(imported?.unknown).toEqual([expect.stringMatching(/Softmax: its positions have maps of their own$/)]);
    expect(tensors.has('own')).toBe(true); // trained all the same
  });

  test('positions that not all heads pick alike keep their layer dense', async () => {
    const model = await original('deberta-optimum');
    const { graph } = model;
    const at = graph.nodes.findIndex(({ opType }) => opType === 'GatherElements');
    const after = graph.nodes.splice(at);
    const b = new GraphBuilder(graph);
    const index = after[0]!.inputs[1]!;
    const places = b.op.CumSum(b.op.Sign(b.op.Add(index, b.scalar(1, 'int64'))), b.scalar(0, 'int64')); // 1, 2, 3 …
    after[0]!.inputs[1] = b.op.Mul(index, b.op.Mod(places, b.scalar(2, 'int64')));
    graph.nodes.push(...after);
    const { prunable, imported } = await load(model);
    expect(prunable).toHaveLength(1);
    expect(imported?.unknown).toEqual([
      expect.stringMatching(/Softmax: GatherElements has something of its own for each of them$/),
    ]);
  });

  test('those that serve something else too are not cut', async () => {
    const model = await original();
    const { graph } = model;
    const weight = graph.initializers.find(({ name }) => name === 'onnx::MatMul_258')!;
    const [product] = readers(model, weight);
    const [logits] = graph.outputs.splice(0);
    logits!.name = 'before';
    const b = new GraphBuilder(graph);
    const again = b.op.ReduceMean(b.op.MatMul(b.op.Neg(product!.inputs[0]!), weight), undefined, { keepdims: 0 });
    b.output(b.op.Add(logits!, again), 'logits');
    const { prunable, imported } = await load(model);
    expect(prunable).toHaveLength(1);
    expect(imported?.unknown).toEqual(['onnx::MatMul_258: its weights serve something else too']);
  });
});

const matrices = ({ prunable }: Awaited<ReturnType<typeof load>>) =>
  prunable.map(({ heads, neurons }) => [heads.query.weight, heads.output.weight, neurons.in[0]!.weight]);

describe('weights are initializers, however they are stored', () => {
  test('in Constant nodes', async () => {
    const model = await original();
    const { graph } = model;
    const nodes = graph.initializers.map(
      (value) => new Node('Constant', [], [value], { value: { type: 'tensor', value: value.tensor! } }),
    );
    for (const value of graph.initializers) value.tensor = undefined;
    graph.initializers = [];
    graph.nodes = [...nodes, ...graph.nodes];
    const [moved, plainly] = [await load(model), await load(await original())];
    expect(matrices(moved)).toEqual(matrices(plainly));
    expect(moved.tensors.size).toBe(plainly.tensors.size);
  });

  test('in a file beside the model', async () => {
    const loaded = await load(await original(), {}, 'weights.onnx_data');
    expect(matrices(loaded)).toEqual(matrices(await load(await original())));
  });

  test('as float16 with a Cast behind them', async () => {
    const model = await original();
    const { graph } = model;
    const weight = graph.initializers.find(({ name }) => name === 'onnx::MatMul_258')!;
    const half = new GraphBuilder(graph).initializer(
      'half',
      tensor('float16', weight.tensor!.dims, Uint16Array.from(weight.tensor!.data as Float32Array, float16Bits)),
    );
    graph.initializers = graph.initializers.filter((value) => value !== weight);
    weight.tensor = undefined;
    graph.nodes.unshift(new Node('Cast', [half], [weight], { to: { type: 'int', value: 1 } }));
    const { prunable, tensors } = await load(model);
    expect(prunable[0]!.heads.query.weight).toBe('half');
    expect(tensors.get('half')?.dtype).toBe('float32');
  });

  test('once for several layers: each gets a bias of its own', async () => {
    const model = await original();
    const bias = (name: string) =>
      model.graph.initializers.find((v) => v.name.endsWith(`layer.0.attention.self.${name}.bias`))!;
    const [query, key] = [bias('query'), bias('key')];
    for (const node of model.graph.nodes)
      node.inputs.forEach((v, i) => {
        if (v === key) node.inputs[i] = query;
      });
    const { prunable } = await load(model);
    const { heads } = prunable[0]!;
    expect(heads.query.bias).toBe(query.name);
    expect(heads.key.bias).toBe(`${heads.key.weight}.bias`);
  });
});

test('inputs of other types and positions are made of what a batch has', async () => {
  const b = new GraphBuilder();
  const ids = b.input('input_ids', 'int32', ['batch', 'sequence']);
  const places = b.input('position_ids', 'int64', ['batch', 'sequence']);
  const table = b.initializer('table', float32(new Float32Array(80), [10, 8]));
  const rows = b.op.Add(
    b.op.Gather(table, ids),
    b.op.Gather(b.initializer('places', float32(new Float32Array(32), [4, 8])), places),
  );
  const weight = b.initializer('w', float32(new Float32Array(16), [8, 2]));
  b.output(b.op.MatMul(b.op.ReduceMean(rows, b.ints(1), { keepdims: 0 }), weight), 'logits');
  const { model, tensors } = await load(modelOf(b.graph));
  expect(model.graph.inputs.map(({ name, dtype }) => [name, dtype])).toEqual([
    ['input_ids', 'int64'],
    ['attention_mask', 'int64'],
  ]);
  expect([...tensors.keys()].sort()).toEqual(['places', 'table', 'w']);
  expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(expect.arrayContaining(['Cast', 'Range', 'Expand']));
});
