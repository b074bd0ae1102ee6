import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { buildModel, generationModels, saveModel } from '@neuroprune/models';
import { readModel, saveModel as saveOnnx, type Tensor } from '@neuroprune/onnx';
import type { Batch } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../test/models.js';
import { clearColumns, clearRows, range } from '../test/plant.js';
import { type TinyWriter, tinyWriter, tinyWriters, type Writer, writerBatches } from '../test/tiny-writers.js';
import { type Compacted, compact } from './compact/compact.js';
import { inferenceGraph } from './compact/inference-graph.js';
import { countWeights, countZeros, matricesOf, type PrunableLayer } from './layer.js';
import type { Method } from './method.js';
import { openGraph } from './prove/published.js';
import { prove } from './prove.js';
import { blocksOf, prunableLayers, storeLayers } from './prunable-layer.js';
import { structureOf } from './structure.js';
import { train } from './train/train.js';

type Weights = Map<string, Tensor<'float32'>>;

const method = (heads: number): Method => ({
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.7,
  heads,
  outGrouping: 'joint',
  gamma: 1,
});

async function trained(writer: Writer, rest: Partial<Parameters<typeof train>[0]>) {
  const { model, prunable, task, buffers } = writer;
  const result = await train({
    model,
    loss: task === 'causal-lm' ? 'nextTokenCrossEntropy' : 'tokenCrossEntropy',
    groups: prunable,
    method: { name: 'dense' },
    batches: () => writerBatches(task),
    epochs: 5,
    maxSteps: 20,
    lr: 3e-3,
    schedule: 'linear',
    warmup: 0.1,
    weightDecay: 0.01,
    dropout: 0.1,
    freeze: buffers,
    seed: 0,
    session: { threads: 1 },
    maxLength: 16,
    ...rest,
  });
  return { ...result, tensors: result.tensors as Weights };
}

/** Writes what is published of a writer; returns the folder. */
async function publish({ config, head, task }: Writer, tensors: Weights, small: Compacted): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'onnx'));
  await saveModel(folder, { config, head, task, tensors });
  const files = generationModels({ config, tensors: small.tensors, structure: small.structure });
  for (const [name, model] of files ?? [])
    await saveOnnx(inferenceGraph(model), path.join(folder, `onnx/${name}.onnx`));
  return folder;
}

const proved = (folder: string, task: Writer['task']) => prove({ folder, batches: writerBatches(task), threads: 1 });

test.each(tinyWriters)('%s: trained for 20 steps, pruned, compacted, and proved from its files', async (name) => {
  const writer = tinyWriter(name);
  const { prunable, config, head, task } = writer;
  const blocks = blocksOf(prunable);
  const keep = blocks.length + 1;
  const { tensors, removals, steps, loss } = await trained(writer, { method: method(keep) });
  const layers = prunableLayers(prunable, tensors);
  const shape = structureOf(layers, removals);
  expect([steps, Number.isFinite(loss)]).toEqual([20, true]);
  expect(shape.reduce((sum, layer) => sum + layer.heads, 0)).toBe(keep);
  expect(countZeros(matricesOf(layers))).toBe(Math.round(0.7 * countWeights(matricesOf(layers))));

  const small = await compact({ config, tensors, head, prunable, task });
  const heads = small.structure.flatMap((layer) => [
    layer.heads,
    ...(layer.crossHeads === undefined ? [] : [layer.crossHeads]),
  ]);
  expect(heads).toEqual(shape.map((layer) => layer.heads));
  expect(small.structure.map(({ hiddenUnits }) => hiddenUnits)).toEqual(
    shape.filter((_, i) => !blocks[i]!.cross).map(({ hiddenUnits }) => hiddenUnits),
  );
  expect(small.parameters.compact).toBeLessThan(small.parameters.dense);

  const folder = await publish(writer, tensors, small);
  const { ok, examples, maxAbsDifference } = await proved(folder, task);
  expect({ ok, examples }).toEqual({ ok: true, examples: 31 });
  expect(maxAbsDifference).toBeLessThanOrEqual(1e-5);
});

test.each<[name: TinyWriter, file: string]>([
  ['gpt2', 'model'],
  ['t5', 'encoder_model'],
  ['t5', 'decoder_model_merged'],
])('%s: one weight changed in %s.onnx', async (name, file) => {
  const writer = tinyWriter(name);
  const { config, head, prunable, task } = writer;
  const tensors = parametersOf(writer);
  const folder = await publish(writer, tensors, await compact({ config, tensors, head, prunable, task }));
  expect((await proved(folder, task)).ok).toBe(true);
  const at = path.join(folder, `onnx/${file}.onnx`);
  const model = await readModel(at);
  const weight = model.graph.initializers.find((value) => value.tensor?.dims.length === 2 && /\d/.test(value.name));
  (weight!.tensor!.data as Float32Array)[0]! += 0.5;
  await saveOnnx(model, at);
  expect((await proved(folder, task)).ok).toBe(false);
});

test.each<TinyWriter>(['qwen2', 'marian'])('%s: two batches a step are one of both', async (name) => {
  const { task } = tinyWriter(name);
  const whole = writerBatches(task, 6)[0]!;
  const run = (given: readonly Batch[], accumulate: number) =>
    trained(tinyWriter(name), {
      batches: () => given,
      accumulate,
      maxSteps: 3,
      epochs: 3,
      dropout: 0,
      schedule: 'constant',
    });
  const apart = await run([part(whole, [0, 1]), part(whole, [2, 3, 4, 5])], 2);
  const together = await run([whole], 1);
  expect(apart.loss).toBeCloseTo(together.loss, 5);
  for (const [parameter, { data }] of together.tensors) {
    if (parameter.endsWith('k_proj.bias')) continue; // its gradient is 0 but for rounding, which Adam makes steps of
    const other = apart.tensors.get(parameter)!.data;
    expect(Math.max(...data.map((x, i) => Math.abs(x - other[i]!))), parameter).toBeLessThan(2e-5);
  }
});

const others: readonly Method[] = [
  { name: 'gradual', sparsity: 0.6 },
  {
    name: 'neuroprune',
    solver: 'subgradient',
    alpha: 1e-3,
    beta: 1e-3,
    theta: 0.05,
    outGrouping: 'joint',
    sparsity: 0.6,
  },
];

test.each(others)('$name reaches its sparsity on fused and crossing layouts', async (other) => {
  for (const name of ['gpt2', 'marian'] as const) {
    const writer = tinyWriter(name);
    const { tensors, loss } = await trained(writer, { method: other });
    const matrices = matricesOf(prunableLayers(writer.prunable, tensors));
    expect([name, countZeros(matrices)]).toEqual([name, Math.round(0.6 * countWeights(matrices))]);
    expect(Number.isFinite(loss)).toBe(true);
  }
});

/** Some rows of a batch. */
function part(batch: Batch, rows: readonly number[]): Batch {
  const pick = (values: Int32Array) => {
    const each = values.length / batch.rows;
    return Int32Array.from(rows.flatMap((r) => [...values.subarray(r * each, (r + 1) * each)]));
  };
  const inputs = Object.entries(batch.inputs).map(([name, values]) => [name, pick(values)] as const);
  return {
    ...batch,
    rows: rows.length,
    inputs: Object.fromEntries(inputs),
    labels: pick(batch.labels as Int32Array),
    weights: new Float32Array(rows.length).fill(1),
  };
}

/** A writer's parameters, in arrays of their own. */
const parametersOf = ({ model }: Writer): Weights =>
  new Map(
    model.graph.initializers.flatMap(({ name, tensor }) =>
      tensor?.dtype === 'float32' && !/^const_/.test(name)
        ? [[name, { ...tensor, data: (tensor.data as Float32Array).slice() } as Tensor<'float32'>]]
        : [],
    ),
  );

/** Kills parts of a writer, compacts it, and checks that it says what the one with zeros does. */
async function cutOut(name: TinyWriter, kill: (layers: PrunableLayer[]) => void): Promise<Compacted> {
  const writer = tinyWriter(name);
  const { config, head, prunable, task } = writer;
  const tensors = parametersOf(writer);
  const layers = prunableLayers(prunable, tensors);
  kill(layers);
  storeLayers(prunable, tensors, layers);
  const small = await compact({ config, tensors, head, prunable, task });
  const masked = buildModel({ config, tensors, labels: 0, task }).model;
  const [batch] = writerBatches(task) as [Batch];
  const logits = await Promise.all(
    [inferenceGraph(masked), small.model].map(async (model) => {
      await using graph = await openGraph(model, { threads: 1 });
      return (await graph.logits(batch)).data as Float32Array;
    }),
  );
  const apart = Math.max(...logits[0]!.map((x, i) => Math.abs(x - logits[1]![i]!)));
  expect(apart).toBeLessThanOrEqual(1e-5);
  return small;
}

test('a head without values stays where its bias has no bias to go into, and goes where nobody hears it', async () => {
  const { structure } = await cutOut('qwen2', ([first, second]) => {
    clearRows(first!.value, range(0, 4));
    clearRows(second!.value, range(0, 4));
    clearColumns(second!.output, range(0, 8));
  });
  expect(structure.map(({ heads }) => heads)).toEqual([4, 3]);
});

test('a shared table of positions loses the heads that are gone from every layer that reads it', async () => {
  const { structure, tensors } = await cutOut('t5', (layers) => {
    const dead = [[0, 3], [0], [1]]; // of two layers of the encoder, and of the decoder's one
    layers
      .filter(({ cross }) => !cross)
      .forEach((layer, l) => {
        for (const head of dead[l]!) clearColumns(layer.output, range(4 * head, 4));
      });
    clearColumns(layers.at(-1)!.output, range(0, 8));
  });
  expect(structure.map(({ keptHeads, crossHeads }) => [keptHeads, crossHeads])).toEqual([
    [[1, 2], undefined],
    [[1, 2, 3], undefined],
    [[0, 2, 3], 2],
  ]);
  const table = (stack: string) => tensors.get(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`);
  expect(['encoder', 'decoder'].map((stack) => table(stack)?.dims[1])).toEqual([3, 3]);
});

test('one matrix of query, key and value, stored [in, out], loses a head in all three parts', async () => {
  const { structure, tensors } = await cutOut('gpt2', ([first]) => {
    clearColumns(first!.output, range(4, 4));
    clearRows(first!.intermediate[0]!, range(3, 5)); // what they give without input goes into the next bias
  });
  expect(structure[0]).toMatchObject({ heads: 3, hiddenUnits: 19 });
  expect(tensors.get('transformer.h.0.attn.c_attn.weight')?.dims).toEqual([16, 36]);
  expect(tensors.get('transformer.h.0.attn.c_attn.bias')?.dims).toEqual([36]);
  expect(tensors.get('transformer.h.0.attn.c_proj.weight')?.dims).toEqual([12, 16]);
});
