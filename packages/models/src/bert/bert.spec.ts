import path from 'node:path';
import { float32, type Tensor } from '@neuroprune/onnx';
import { describe, expect, test } from 'vitest';
import { goldenTokens, logits, relativeError, tokens } from '../../test/run.js';
import { hasShared, modelFolder, shared } from '../../test/shared.js';
import { tinyConfig, tinyTensors } from '../../test/tiny.js';
import { buildModel } from '../build-model.js';
import { loadModel } from '../load-model.js';
import { prunableWeights } from '../prunable.js';
import { architectureOf } from '../registry.js';
import { readSafetensors } from '../safetensors/read.js';
import type { LayerStructure } from '../structure.js';

type Tensors = Map<string, Tensor<'float32'>>;

const config = tinyConfig();
const prunable = architectureOf(config).prunable(config);
const batch = tokens([7, 3, 5], 7, 30);
const run = (tensors: Tensors, structure?: LayerStructure[], c = config) =>
  logits(buildModel({ config: c, tensors, labels: 2, ...(structure && { structure }) }).model, batch);

/** A copy in which some rows or columns of a matrix (elements of a vector: columns) are replaced. */
function edited(tensors: Tensors, name: string, axis: 'row' | 'column', at: readonly number[], value: number): Tensors {
  const { dims, data } = tensors.get(name) as Tensor<'float32'>;
  const columns = dims.at(-1) as number;
  const hit = (i: number) => at.includes(axis === 'row' ? Math.floor(i / columns) : i % columns);
  return new Map(tensors).set(
    name,
    float32(
      data.map((x, i) => (hit(i) ? value : x)),
      dims,
    ),
  );
}

/** The tensor with only some rows or columns left. */
function kept(t: Tensor<'float32'>, axis: 'row' | 'column', at: readonly number[]): Tensor<'float32'> {
  const columns = t.dims.at(-1) as number;
  const rows = Math.floor(t.data.length / columns);
  const inside = (i: number) => at.includes(axis === 'row' ? Math.floor(i / columns) : i % columns);
  const dims = t.dims.length === 1 ? [at.length] : axis === 'row' ? [at.length, columns] : [rows, at.length];
  return float32(
    t.data.filter((_, i) => inside(i)),
    dims,
  );
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe.skipIf(!hasShared)('logits equal PyTorch (skipped without ../shared)', () => {
  const golden = (id: string) => path.join(modelFolder(id), 'golden.safetensors');
  const miniLM = path.join(shared, 'golden/models/all-MiniLM-L6-v2/golden.safetensors');
  test.each([
    ['tiny-random/bert', golden('tiny-random/bert')],
    ['tiny-random/bert-regression', golden('tiny-random/bert-regression')],
    ['tiny-random/roberta', golden('tiny-random/roberta')],
    ['tiny-random/distilbert', golden('tiny-random/distilbert')],
    ['tiny-random/electra', golden('tiny-random/electra')],
    ['sentence-transformers/all-MiniLM-L6-v2', miniLM],
  ])('%s', async (id, file) => {
    const expected = await readSafetensors(file, { only: (name) => !name.includes('grad.') });
    const { config: c, tensors, head } = await loadModel(modelFolder(id));
    const given = [...expected].filter(([name]) => tensors.has(name));
    const { model } = buildModel({ config: c, tensors: new Map([...tensors, ...given]), labels: head.numLabels });
    const actual = await logits(model, goldenTokens(expected));
    expect(relativeError(actual, expected.get('f64.logits')?.data as Float64Array)).toBeLessThan(1e-5);
  });
});

describe('declared structure is executed', () => {
  const tensors = tinyTensors();
  const all = [...tensors.keys()];

  test('every name in it is a parameter, and all matrices of the layers are in it', () => {
    const names = prunable.flatMap((groups) => prunableWeights(groups));
    const biases = prunable.flatMap(({ heads: h, neurons: n }) => [
      h.query,
      h.key,
      h.value,
      h.output,
      ...n.out,
      ...n.in,
    ]);
    expect([...names, ...biases.map((b) => b.bias)].filter((name) => !tensors.has(name))).toEqual([]);
    const matrices = all.filter((name) => name.includes('encoder') && tensors.get(name)?.dims.length === 2);
    expect([...names].sort()).toEqual(matrices.sort());
  });

  test.each([0, 1])('layer %i: a hidden unit that nothing makes is read by nobody', async (layer) => {
    const { out, in: read, count } = prunable[layer]!.neurons;
    let silent: Tensors = tensors;
    for (const { weight, bias } of out) {
      silent = edited(edited(silent, weight, 'row', [4], 0), bias, 'column', [4], 0);
    }
    const before = await run(silent);
    for (const { weight } of read) {
      expect(await run(edited(silent, weight, 'column', [4], 9))).toEqual(before);
      expect(await run(edited(silent, weight, 'column', [5], 9))).not.toEqual(before);
      expect(tensors.get(weight)?.dims[1]).toBe(count);
    }
  });

  test.each([0, 1])('layer %i: a head without values is read by nobody', async (layer) => {
    const { value, query, key, output, count, size } = prunable[layer]!.heads;
    const rows = range(size, size);
    const silent = edited(edited(tensors, value.weight, 'row', rows, 0), value.bias, 'column', rows, 0);
    const before = await run(silent);
    expect(await run(edited(silent, output.weight, 'column', rows, 9))).toEqual(before);
    expect(await run(edited(silent, query.weight, 'row', rows, 9))).toEqual(before);
    expect(await run(edited(silent, key.weight, 'row', rows, 9))).toEqual(before);
    expect(await run(edited(silent, output.weight, 'column', range(0, size), 9))).not.toEqual(before);
    expect(tensors.get(output.weight)?.dims).toEqual([config.hidden_size, count * size]);
  });
});

describe('a compacted model equals the one with zeros', () => {
  const dense = tinyTensors();
  const { heads: h, neurons: n } = prunable[0]!;
  const full = { heads: 3, hiddenUnits: 10 };

  test('heads, hidden units and input dimensions cut out', async () => {
    const [headRows, units, dims] = [
      [...range(0, 4), ...range(8, 4)],
      [0, 2, 3, 7],
      [1, 4, 5, 6, 11],
    ];
    const off = (from: readonly number[], count: number) => range(0, count).filter((i) => !from.includes(i));
    let zeroed = edited(dense, h.output.weight, 'column', off(headRows, 12), 0);
    zeroed = edited(zeroed, n.in[0]!.weight, 'column', off(units, 10), 0);
    const reading = [h.query, h.key, h.value, n.out[0]!];
    for (const { weight } of reading) zeroed = edited(zeroed, weight, 'column', off(dims, 12), 0);
    const small: Tensors = new Map(zeroed);
    const cut = (name: string, axis: 'row' | 'column', at: readonly number[]) =>
      small.set(name, kept(small.get(name)!, axis, at));
    for (const { weight, bias } of [h.query, h.key, h.value]) {
      cut(weight, 'row', headRows);
      cut(bias, 'column', headRows);
    }
    cut(h.output.weight, 'column', headRows);
    cut(n.out[0]!.weight, 'row', units);
    cut(n.out[0]!.bias, 'column', units);
    cut(n.in[0]!.weight, 'column', units);
    for (const { weight } of reading) cut(weight, 'column', dims);
    const structure = [{ heads: 2, hiddenUnits: 4, inputDims: { attention: dims, mlp: dims } }, full];
    expect(relativeError(await run(small, structure), await run(zeroed))).toBeLessThan(1e-5);
  });

  test('nothing left of the attention or the feed-forward part but the bias', async () => {
    const zeroed = edited(dense, h.output.weight, 'row', range(0, 12), 0);
    const gone = new Map(zeroed);
    for (const { weight, bias } of [h.query, h.key, h.value]) {
      gone.delete(weight);
      gone.delete(bias);
    }
    gone.delete(h.output.weight);
    expect(relativeError(await run(gone, [{ heads: 0, hiddenUnits: 10 }, full]), await run(zeroed))).toBeLessThan(1e-5);

    const silent = edited(dense, n.in[0]!.weight, 'row', range(0, 12), 0);
    const bare = new Map(silent);
    for (const name of [n.out[0]!.weight, n.out[0]!.bias, n.in[0]!.weight]) bare.delete(name);
    expect(relativeError(await run(bare, [{ heads: 3, hiddenUnits: 0 }, full]), await run(silent))).toBeLessThan(1e-5);
  });

  test.each<[structure: LayerStructure[], message: string]>([
    [[full], 'expected 2 layers, got 1'],
    [[full, { heads: 4, hiddenUnits: 10 }], 'layer 1: expected heads within 0…3, got 4'],
    [[full, { heads: 3, hiddenUnits: 0.5 }], 'layer 1: expected hiddenUnits within 0…10, got 0.5'],
    [[{ heads: 2, hiddenUnits: 10 }, full], 'layer.0.attention.self.query.weight: expected [8,12], got [12,12]'],
  ])('structure %# does not fit', (structure, message) => {
    expect(() => buildModel({ config, tensors: dense, labels: 2, structure })).toThrow(message);
  });
});

describe('the graph', () => {
  const tensors = tinyTensors();

  test('has transformers’ dropouts, one Gemm a linear layer, and known shapes', () => {
    const c = tinyConfig({ hidden_dropout_prob: 0.2, attention_probs_dropout_prob: 0.3, classifier_dropout: 0.4 });
    const { model } = buildModel({ config: c, tensors, labels: 2 });
    const of = (type: string) => model.graph.nodes.filter((node) => node.opType === type);
    const ratios = of('Dropout').map((node) => Number(node.inputs[1]?.tensor?.data[0]).toFixed(1));
    expect(ratios).toEqual(['0.2', '0.3', '0.2', '0.2', '0.3', '0.2', '0.2', '0.4']);
    expect(of('Gemm').map((node) => node.attributes.transB)).toEqual(Array(14).fill({ type: 'int', value: 1 }));
    expect(of('Shape').length).toBe(2);
    expect(model.graph.outputs.map((v) => [v.name, v.dtype, v.shape])).toEqual([['logits', 'float32', ['batch', 2]]]);
  });

  test('padding, batch and sequence length change no row', async () => {
    const { model } = buildModel({ config, tensors, labels: 2 });
    const alone = await logits(model, tokens([7], 7, 30));
    expect(relativeError((await logits(model, tokens([7, 2], 12, 30))).slice(0, 2), alone)).toBeLessThan(1e-5);
  });

  test('a row without any token stays finite', async () => {
    const { model } = buildModel({ config, tensors, labels: 2 });
    expect((await logits(model, tokens([4, 0], 5, 30))).every(Number.isFinite)).toBe(true);
  });

  test.each(['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu', 'tanh'])(
    '%s is an activation of its own',
    async (hidden_act) => {
      const others = ['gelu', 'gelu_new', 'relu', 'tanh'].filter(
        (a) => a !== hidden_act && !(a === 'gelu_new' && hidden_act === 'gelu_pytorch_tanh'),
      );
      const own = await run(tensors, undefined, tinyConfig({ hidden_act }));
      for (const other of others)
        expect(await run(tensors, undefined, tinyConfig({ hidden_act: other }))).not.toEqual(own);
    },
  );
});
