import { buildModel } from '@neuroprune/models';
import { describe, expect, test } from 'vitest';
import { batches, difference, hasTiny, logitsOf, micro, type Planted, planted, tiny } from '../../test/models.js';
import { clearColumns, clearRows, headBlock, range } from '../../test/plant.js';
import { attentionOf, eliminateHeads, matricesOf, type PrunableLayer } from '../index.js';
import { compact } from './compact.js';

const given = batches(1000, [
  [4, 9],
  [3, 17],
]);

interface Plant {
  readonly name: string;
  readonly plant: (layer: PrunableLayer) => void;
  /** What the first layer has left. */
  readonly heads?: number[];
  readonly units?: number[];
  /** Input dimensions that are picked. */
  readonly attention?: number;
  readonly mlp?: number;
}

const width = (layer: PrunableLayer) => layer.query.cols;

const plants: Plant[] = [
  { name: 'nothing', plant: () => {} },
  {
    name: 'a head without output',
    plant: (layer) => clearColumns(layer.output, headBlock(layer, 1)),
    heads: [0, 2, 3],
  },
  {
    name: 'a head without values, whose bias is a constant',
    plant: (layer) => clearRows(layer.value, headBlock(layer, 2)),
    heads: [0, 1, 3],
  },
  {
    name: 'units that reach nothing',
    plant: ({ contraction }) => clearColumns(contraction, [0, 3, 4]),
    units: [1, 2, ...range(5, 1e6)],
  },
  {
    name: 'units that read nothing, whose activation is a constant',
    plant: ({ intermediate }) => clearRows(intermediate[0]!, [1, 2, 5]),
    units: [0, 3, 4, ...range(6, 1e6)],
  },
  {
    name: 'input dimensions that nobody reads',
    plant: ({ query, key, value, intermediate, contraction }) => {
      for (const m of [query, key, value]) clearColumns(m, range(0, m.cols - 7));
      clearColumns(intermediate[0]!, range(3, contraction.rows - 8));
    },
    attention: 7,
    mlp: 8,
  },
  {
    name: 'input dimensions that only a dead head and a dead unit read',
    plant: (layer) => {
      const cols = range(0, width(layer) - 7);
      const others = range(0, layer.query.rows).filter((r) => !headBlock(layer, 0).includes(r));
      for (const m of [layer.query, layer.key, layer.value])
        for (const r of others) for (const c of cols) m.data[r * m.cols + c] = 0;
      clearRows(layer.value, headBlock(layer, 0));
    },
    heads: [1, 2, 3],
    attention: 7,
  },
  {
    name: 'one dimension that nobody reads is not worth picking the others',
    plant: ({ query, key, value }) => {
      for (const m of [query, key, value]) clearColumns(m, [1]);
    },
  },
  { name: 'no attention', plant: ({ output }) => output.data.fill(0), heads: [] },
  { name: 'no values', plant: ({ value }) => value.data.fill(0), heads: [] },
  { name: 'no feed-forward part', plant: ({ intermediate }) => intermediate[0]!.data.fill(0), units: [] },
  {
    name: 'nothing left',
    plant: (layer) => {
      for (const { data } of matricesOf([layer])) data.fill(0);
    },
    heads: [],
    units: [],
  },
];

const bytes = (layers: readonly PrunableLayer[]) =>
  Buffer.concat(matricesOf(layers).map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));

/** Compacts; the logits must stay, and so must what was given. */
async function checked({ loaded, layers }: Planted) {
  const before = bytes(layers);
  const compacted = await compact(loaded);
  expect(bytes(layers).equals(before)).toBe(true);
  // Built from the tensors again: the loaded graph holds those from before the planting.
  const dense = buildModel({ config: loaded.config, tensors: loaded.tensors, labels: loaded.head.numLabels });
  const off = difference(await logitsOf(compacted.model, given), await logitsOf(dense.model, given));
  expect(off).toBeLessThanOrEqual(1e-5);
  return compacted;
}

describe('dead structure goes, the function stays', () => {
  test.each(plants)('$name', async ({ plant, heads = range(0, 4), units, attention, mlp }) => {
    const model = await planted(micro);
    plant(model.layers[0]!);
    const { structure, survivors, parameters } = await checked(model);
    const kept = (units ?? range(0, 512)).filter((u) => u < 512);
    expect(survivors[0]).toMatchObject({ heads, units: kept });
    expect(structure[0]).toMatchObject({ heads: heads.length, hiddenUnits: kept.length });
    expect([structure[0]?.inputDims?.attention?.length, structure[0]?.inputDims?.mlp?.length]).toEqual([
      attention,
      mlp,
    ]);
    expect(structure.slice(1)).toEqual(Array(3).fill({ heads: 4, hiddenUnits: 512 }));
    const [qkvInputs, mlpInputs] = [attention ?? 128, mlp ?? 128];
    const gone =
      (4 - heads.length) * 32 * (3 * qkvInputs + 3 + 128) +
      (128 - qkvInputs) * 3 * 128 +
      (512 - kept.length) * (mlpInputs + 1 + 128) +
      (128 - mlpInputs) * 512;
    expect(parameters.dense - parameters.compact).toBe(gone);
  });
});

test('initializers keep their parameters’ names, and the graph is one for inference', async () => {
  const { loaded, layers } = await planted(micro);
  layers[1]!.output.data.fill(0);
  clearColumns(layers[2]!.contraction, range(0, 500));
  const { model, parameters } = await checked({ loaded, layers });
  const named = model.graph.initializers.filter(({ name }) => loaded.tensors.has(name));
  expect(named.reduce((sum, { tensor }) => sum + tensor!.data.length, 0)).toBe(parameters.compact);
  const others = model.graph.initializers.filter(({ name }) => !loaded.tensors.has(name));
  expect(others.every(({ tensor }) => tensor!.data.length < 10)).toBe(true);
  expect(model.graph.nodes.filter(({ opType }) => opType === 'Dropout' || opType === 'Identity')).toEqual([]);
  expect(model.graph.inputs.map(({ name }) => name)).toEqual(['input_ids', 'attention_mask', 'token_type_ids']);
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['logits']);
});

test('two identical heads: one is folded into the other, and cut', async () => {
  const model = await planted(micro);
  const layer = model.layers[1]!;
  const [from, into] = [headBlock(layer, 0), headBlock(layer, 3)];
  for (const { data, cols } of [layer.query, layer.key, layer.value])
    data.copyWithin(into[0]! * cols, from[0]! * cols, (from.at(-1)! + 1) * cols);
  layer.biases.query!.copyWithin(into[0]!, from[0]!, from.at(-1)! + 1);
  const dense = () =>
    logitsOf(buildModel({ config: model.loaded.config, tensors: model.loaded.tensors, labels: 2 }).model, given);
  const before = await dense();
  const { removed } = eliminateHeads(model.layers.map(attentionOf), { theta: 1e-6 });
  expect(removed).toEqual([{ layer: 1, head: 0, into: 3, reason: 'absorbed' }]);
  expect(difference(await dense(), before)).toBeLessThanOrEqual(1e-5);
  const { model: small, structure } = await checked(model);
  expect(difference(await logitsOf(small, given), before)).toBeLessThanOrEqual(1e-5);
  expect(structure.map(({ heads }) => heads)).toEqual([4, 3, 4, 4]);
});

test.skipIf(!hasTiny)('every layer at once (skipped where ../shared is not beside the repository)', async () => {
  const model = await planted(tiny);
  for (const layer of model.layers)
    for (const m of matricesOf([layer])) for (let i = 0; i < m.data.length; i++) m.data[i]! *= 4;
  model.layers.forEach((layer, l) => {
    clearRows(layer.value, headBlock(layer, l));
    clearColumns(layer.output, headBlock(layer, 2 + l));
    clearRows(layer.intermediate[0]!, range(3, 20));
    clearColumns(layer.contraction, range(20, 20));
    for (const m of [layer.query, layer.key, layer.value, layer.intermediate[0]!]) clearColumns(m, range(5, 25));
  });
  const { structure } = await checked(model);
  expect(
    structure.map((s) => [s.heads, s.hiddenUnits, s.inputDims?.attention?.length, s.inputDims?.mlp?.length]),
  ).toEqual(Array(2).fill([2, 27, 7, 7]));
});
