import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gradients } from '@neuroprune/autodiff';
import {
  generationModels,
  type LoadedModel,
  loadModel,
  readSafetensors,
  saveModel,
  writeSafetensors,
} from '@neuroprune/models';
import { float32, GraphBuilder, int64, saveModel as saveOnnx, type Tensor } from '@neuroprune/onnx';
import { type Batch, createInference, inputTensor } from '@neuroprune/runtime';
import { describe, expect, test } from 'vitest';
import { batches, difference, logitsOf, temporaryFolder } from '../test/models.js';
import { clearColumns, clearRows, headBlock, range } from '../test/plant.js';
import { compact } from './compact/compact.js';
import { inferenceGraph } from './compact/inference-graph.js';
import { countWeights, countZeros, matricesOf } from './layer.js';
import type { ThresholdMethod } from './method.js';
import { prove } from './prove.js';
import { prunableLayers } from './prunable-layer.js';
import type { TrainRequest } from './train/request.js';
import { train } from './train/train.js';

// Small classifiers as exporters write them: tools/golden/make_imported.py.
const fixtures = path.resolve(import.meta.dirname, '../../models/fixtures/imported');
const files = [
  ...['bert-eager11', 'bert-eager', 'bert-sdpa', 'bert-fused', 'bert-dynamo'],
  ...['distilbert-eager', 'distilbert-sdpa', 'gpt2-eager', 'llama-sdpa', 'albert-sdpa'],
  ...['roberta-optimum', 'llama-optimum', 'bert-slim'],
  ...['deberta-eager11', 'deberta-optimum', 'deberta2-eager20'],
];
/** In short runs one of each exporter, and of each kind of attention. */
const trained = [
  ...['bert-eager11', 'bert-fused', 'bert-dynamo', 'gpt2-eager', 'llama-sdpa', 'roberta-optimum', 'bert-slim'],
  ...['deberta-optimum', 'deberta2-eager20'],
];
const isTrained = (file: string) => process.env.NEUROPRUNE_CHECK === 'full' || trained.includes(file);
const open = (file: string) => loadModel(path.join(fixtures, `${file}.onnx`));

/** Batches of the one size that the file of the dynamo exporter takes, without inputs that a model does not have. */
function given({ model }: Pick<LoadedModel, 'model'>, count = 2): Batch[] {
  const names = model.graph.inputs.map(({ name }) => name);
  return batches(40, Array(count).fill([3, 7])).map((batch, b) => ({
    ...batch,
    inputs: Object.fromEntries(names.map((name) => [name, batch.inputs[name]!])),
    labels: Int32Array.from({ length: 3 }, (_, r) => (r + b) % 2),
  }));
}

/** Weights to change, those of the file staying as they are. */
const weightsOf = ({ tensors }: Pick<LoadedModel, 'tensors'>) =>
  new Map([...tensors].map(([name, t]) => [name, float32(t.data.slice(), t.dims)]));

/** Files that ONNX Runtime does not take (`Clip` of integers, which set 11 has not), and others of the same weights. */
const twins: Readonly<Record<string, string>> = { 'deberta-eager11': 'deberta-optimum' };

/** Logits of a file as it is. */
async function logitsOfFile(file: string, rows: readonly Batch[]): Promise<number[]> {
  await using session = await createInference(path.join(fixtures, `${file}.onnx`), { threads: 1 });
  const all: number[] = [];
  for (const { inputs, rows: n, length } of rows) {
    const feeds = Object.entries(inputs).map(([name, ids]) => [name, inputTensor('int64', ids, [n, length])] as const);
    all.push(...((await session.run(new Map(feeds), ['logits'])).get('logits')!.data as Float32Array));
  }
  return all;
}

const method: ThresholdMethod = {
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.7,
  outGrouping: 'joint',
  gamma: 1,
};

const request = (
  { model, prunable }: Pick<LoadedModel, 'model' | 'prunable'>,
  more: Partial<TrainRequest> = {},
): TrainRequest => ({
  model,
  loss: 'crossEntropy',
  groups: prunable,
  method,
  batches: () => given({ model }, 8),
  epochs: 5,
  maxSteps: 20,
  lr: 3e-3,
  schedule: 'linear',
  warmup: 0.1,
  weightDecay: 0.01,
  dropout: 0.1,
  seed: 0,
  session: { threads: 1 },
  maxLength: 16,
  ...more,
});

/** A published folder of trained weights. */
async function published(loaded: LoadedModel, tensors: ReadonlyMap<string, Tensor<'float32'>>): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'onnx'));
  await saveModel(folder, { ...loaded, tensors });
  await saveOnnx((await compact({ ...loaded, tensors })).model, path.join(folder, 'onnx/model.onnx'));
  return folder;
}

describe.each(files)('%s', (file) => {
  test('gives what the file gives', async () => {
    const loaded = await open(file);
    const rows = given(loaded);
    const expected = await logitsOfFile(twins[file] ?? file, rows);
    expect(difference(await logitsOf(inferenceGraph(loaded.model), rows), expected)).toBeLessThan(1e-5);
  });

  test('cut out, gives what it gave', async () => {
    const loaded = await open(file);
    const tensors = weightsOf(loaded);
    const layers = prunableLayers(loaded.prunable, tensors);
    const [first, second] = layers;
    clearColumns(first!.output, headBlock(first!, 1));
    for (const matrix of first!.intermediate) clearRows(matrix, [1, 2, 5]);
    for (const matrix of [first!.query, first!.key, first!.value]) clearColumns(matrix, range(2, 14));
    second?.output.data.fill(0);
    if (second) clearColumns(second.contraction, range(0, 24));
    const { model, structure } = await compact({ ...loaded, tensors });
    expect(structure).toEqual([
      { heads: first!.heads - 1, hiddenUnits: 21, inputDims: { attention: [0, 1] } },
      ...(second ? [{ heads: 0, hiddenUnits: 0 }] : []),
    ]);
    const folder = await temporaryFolder();
    await saveModel(folder, { ...loaded, tensors });
    const rows = given(loaded);
    const again = await loadModel(folder);
    const dense = await logitsOf(inferenceGraph(again.model), rows);
    expect(difference(await logitsOf(model, rows), dense)).toBeLessThan(1e-5);
    // What was saved is found again, and is cut the same.
    expect(again.prunable).toEqual(loaded.prunable);
    const twice = await compact(again);
    expect(twice.structure).toEqual(structure);
    expect(difference(await logitsOf(twice.model, rows), dense)).toBeLessThan(1e-5);
    await using session = await createInference(path.join(folder, 'dense.onnx'), { threads: 1 });
    expect(session).toBeDefined(); // ONNX Runtime reads its weights out of the safetensors
  });

  test.skipIf(!isTrained(file))('trained for 20 steps, pruned, compacted, and proved from its files', async () => {
    const loaded = await open(file);
    const result = await train(request(loaded, { method: { ...method, heads: loaded.prunable.length + 1 } }));
    const tensors = result.tensors as Map<string, Tensor<'float32'>>;
    const layers = prunableLayers(loaded.prunable, tensors);
    const matrices = matricesOf(layers);
    expect(countZeros(matrices)).toBe(Math.round(0.7 * countWeights(matrices)));
    const folder = await published(loaded, tensors);
    const proof = () => prove({ folder, batches: given(loaded), threads: 1 });
    const { ok, maxAbsDifference } = await proof();
    expect(ok).toBe(true);
    expect(maxAbsDifference).toBeLessThanOrEqual(1e-5);
    if (file !== 'bert-fused') return;
    // A corrupted weight is found.
    const weights = path.join(folder, 'model.safetensors');
    const stored = await readSafetensors(weights);
    const live = layers[0]!.contraction.data.findIndex((w) => w !== 0);
    (stored.get(layers[0]!.contraction.name)!.data as Float32Array)[live]! += 3;
    await writeSafetensors(weights, stored);
    expect((await proof()).ok).toBe(false);
  });
});

test.each(['albert', 'bert', 'deberta', 'deberta2', 'distilbert', 'gpt2', 'llama', 'roberta'])(
  '%s as it is exported here is opened like any file',
  async (family) => {
    const source = await loadModel(path.join(fixtures, family), { task: 'sequence-classification' });
    const file = path.join(await temporaryFolder(), 'lone.onnx');
    await saveOnnx(inferenceGraph(source.model), file);
    const loaded = await loadModel(file);
    expect(loaded.imported?.unknown).toEqual([]);
    const sizes = ({ prunable }: LoadedModel) =>
      prunable.map(({ heads, neurons }) => [heads.count, heads.size, neurons.count]);
    expect(sizes(loaded)).toEqual(sizes(source).slice(0, loaded.prunable.length));
    const rows = given(loaded);
    const graph = inferenceGraph(loaded.model);
    expect(difference(await logitsOf(graph, rows), await logitsOf(inferenceGraph(source.model), rows))).toBeLessThan(
      1e-5,
    );
  },
);

test.each(['gemma', 'llama-3', 'qwen3'])(
  '%s as it is exported here to write, its cache taken for empty, gives the logits of its source',
  async (name) => {
    const source = await loadModel(path.join(fixtures, '../writers', name));
    const file = path.join(await temporaryFolder(), 'model.onnx');
    await saveOnnx(inferenceGraph(generationModels(source)!.get('model')!), file);
    const loaded = await loadModel(file);
    expect(loaded.imported?.unknown).toEqual([]);
    expect(loaded.prunable).toHaveLength(source.prunable.length);
    const rows = given(loaded);
    const logits = await logitsOf(inferenceGraph(loaded.model), rows);
    expect(difference(logits, await logitsOf(inferenceGraph(source.model), rows))).toBeLessThan(1e-5);
  },
);

/** The names that a family gives to parameters, by what an imported graph calls them: start weights tell. */
function familyNames(imported: LoadedModel, family: LoadedModel): Map<string, string> {
  const content = (t: Tensor) =>
    `${t.dims.filter((d) => d > 1)} ${Buffer.from((t.data as Float32Array).slice().buffer).toString('base64')}`;
  const known = new Map([...family.tensors].map(([name, t]) => [content(t), name]));
  return new Map([...imported.tensors].map(([name, t]) => [name, known.get(content(t)) ?? `none for ${name}`]));
}

test.each(['bert-fused', 'bert-eager11', 'deberta-eager11', 'deberta2-eager20'])(
  'gradients of %s agree with PyTorch',
  async (file) => {
    const [family = ''] = file.split('-');
    const golden = JSON.parse(await readFile(path.join(fixtures, `${family}.json`), 'utf8')) as Golden;
    const imported = await open(file);
    const model = inferenceGraph(imported.model);
    const builder = new GraphBuilder(model.graph);
    const u = tensorOf(golden.inputs.u!);
    const weighed = builder.op.Mul(model.graph.outputs[0]!, builder.constant(u));
    builder.output(builder.op.ReduceSum(weighed, undefined, { keepdims: 0 }), 'objective');
    const wrt = [...imported.tensors.keys()];
    await using session = await createInference(gradients(model, { of: 'objective', wrt }), { threads: 1 });
    const { u: _, ...ids } = golden.inputs;
    const feeds = new Map(Object.entries(ids).map(([name, t]) => [name, tensorOf(t)]));
    const found = await session.run(feeds, ['logits', ...wrt.map((name) => `grad.${name}`)]);
    expect(difference(numbers(found.get('logits')!), numbers(tensorOf(golden.logits)))).toBeLessThan(1e-5);
    const own = familyNames(imported, await loadModel(path.join(fixtures, family)));
    expect(new Set(own.values())).toEqual(new Set(Object.keys(golden.gradients)));
    for (const [name, parameter] of own) {
      const want = numbers(tensorOf(golden.gradients[parameter]!));
      const scale = Math.max(1, ...want.map(Math.abs));
      expect(difference(numbers(found.get(`grad.${name}`)!), want) / scale, parameter).toBeLessThan(1e-5);
    }
  },
);

interface Stored {
  readonly dtype: 'float32' | 'int64';
  readonly dims: readonly number[];
  /** Base64 of little-endian elements. */
  readonly data: string;
}
interface Golden {
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly logits: Stored;
  readonly gradients: Readonly<Record<string, Stored>>;
}

function tensorOf({ dtype, dims, data }: Stored): Tensor {
  const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'));
  return dtype === 'int64' ? int64(new BigInt64Array(buffer), dims) : float32(new Float32Array(buffer), dims);
}

const numbers = ({ data }: Tensor): number[] => Array.from(data as Float32Array);

test.each(['bert-eager', 'deberta-optimum', 'deberta2-eager20'])(
  '%s trains and prunes as the same model does from its source',
  async (file) => {
    const family = await loadModel(path.join(fixtures, file.split('-')[0]!), { head: { numLabels: 2 } });
    const imported = await open(file);
    const names = familyNames(imported, family);
    const trainedFrom = async (loaded: LoadedModel) => {
      const losses: number[] = [];
      const run = request(loaded, { dropout: 0, weightDecay: 0, method: { ...method, heads: 3 } });
      const result = await train(run, { onEvent: (event) => event.type === 'train' && losses.push(event.loss) });
      return { losses, ...result };
    };
    const [a, b] = [await trainedFrom(family), await trainedFrom(imported)];
    expect(a.losses).toHaveLength(b.losses.length);
    expect(difference(b.losses, a.losses)).toBeLessThan(1e-5);
    expect(b.removals.map(({ layer, head, into }) => [layer, head, into])).toEqual(
      a.removals.map(({ layer, head, into }) => [layer, head, into]),
    );
    expect(a.removals.length).toBeGreaterThan(0);
    for (const [name, own] of names) {
      if (own.endsWith('key.bias')) continue; // cancels in the softmax: its gradient is rounding, which AdamW makes large
      const [want, got] = [numbers(a.tensors.get(own)!), numbers(b.tensors.get(name)!)];
      expect(difference(got, want), own).toBeLessThan(1e-4);
      expect(got.map((w) => w === 0)).toEqual(want.map((w) => w === 0));
    }
  },
);
