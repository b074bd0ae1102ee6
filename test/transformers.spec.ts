import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generationModels, type LoadedModel, loadModel, saveModel, writeSafetensors } from '@neuroprune/models';
import { float32, saveModel as saveOnnx, type Tensor, tensor } from '@neuroprune/onnx';
import { compact, inferenceGraph, matricesOf, openPublished, prunableLayers, storeLayers } from '@neuroprune/prune';
import { createInference } from '@neuroprune/runtime';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { root } from './workspace.js';

const python = process.env.NEUROPRUNE_PYTHON ?? 'python3';
const script = path.join(root, 'tools/golden/check_transformers.py');
const micro = path.join(root, 'fixtures/hub/models/neuroprune/bert-micro-uncased');

const canImport = (names: string): boolean => spawnSync(python, ['-c', `import ${names}`]).status === 0;
const ready = canImport('torch, transformers, safetensors');
const why = ready ? '' : ` (skipped: ${python} has no torch and transformers; NEUROPRUNE_PYTHON names one that has)`;

/** A model as a run leaves it: 70 % of each matrix zero, and in the first layer a dead head and dead units. */
async function pruned(): Promise<LoadedModel> {
  const loaded = await loadModel(micro, { head: { numLabels: 2 } });
  const tensors = new Map([...loaded.tensors].map(([name, t]) => [name, float32(t.data.slice(), t.dims)]));
  const layers = prunableLayers(loaded.prunable, tensors);
  for (const { data } of matricesOf(layers)) {
    const cut = Math.abs([...data].sort((a, b) => Math.abs(a) - Math.abs(b))[Math.floor(0.7 * data.length)] as number);
    for (const [i, w] of data.entries()) if (Math.abs(w) < cut) data[i] = 0;
  }
  const [first] = layers;
  first?.value.data.fill(0, 0, 32 * first.value.cols); // the first head's values: its rows are 0 to 31
  first?.intermediate[0]?.data.fill(0, 0, 100 * first.query.cols); // the first 100 hidden units
  return { ...loaded, tensors };
}

/** Rows of several lengths, padded on the right: int64 [6, 20]. */
function inputs(): Map<string, Tensor> {
  const [rows, length] = [6, 20];
  const cells = (value: (row: number, at: number) => number) => {
    const real = (row: number) => length - 3 * row;
    const at = (i: number) => [Math.floor(i / length), i % length] as const;
    const number = (i: number) => (at(i)[1] < real(at(i)[0]) ? value(...at(i)) : 0);
    return tensor(
      'int64',
      [rows, length],
      BigInt64Array.from({ length: rows * length }, (_, i) => BigInt(number(i))),
    );
  };
  return new Map([
    ['input_ids', cells((row, at) => 1 + ((row * 977 + at * 131) % 8000))],
    ['attention_mask', cells(() => 1)],
    ['token_type_ids', cells((_, at) => Number(at > 7))],
  ]);
}

/** Publishes a folder as a run does and returns it, with the ONNX file's logits beside it. */
async function published(model: LoadedModel): Promise<{ folder: string; logits: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'transformers-'));
  await saveModel(folder, model);
  const compacted = await compact(model);
  expect(compacted.structure[0]).toMatchObject({ heads: 3, hiddenUnits: 412 });
  await mkdir(path.join(folder, 'onnx'));
  await saveOnnx(compacted.model, path.join(folder, 'onnx/model.onnx'));
  const session = await createInference(path.join(folder, 'onnx/model.onnx'), { threads: 1 });
  const logits = path.join(folder, 'logits.safetensors');
  await writeSafetensors(logits, new Map([...inputs(), ...(await session.run(inputs(), ['logits']))]));
  await session.close();
  return { folder, logits };
}

const check = (...given: string[]) => spawnSync(python, [script, ...given, '--json'], { encoding: 'utf8' });

describe.skipIf(!ready)(`stock transformers and the compacted ONNX file agree${why}`, () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await pruned();
  });

  async function folderOf(given: LoadedModel) {
    const made = await published(given);
    onTestFinished(() => rm(made.folder, { recursive: true }));
    return made;
  }

  test('to 1e-4, ONNX Runtime in Node', async () => {
    const { folder, logits } = await folderOf(model);
    const { stdout, stderr, status } = check(folder, '--logits', logits);
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ rows: 6, holds: true });
    expect(JSON.parse(stdout).maxAbsDifference).toBeLessThanOrEqual(1e-4);
  });

  test.skipIf(!canImport('onnxruntime'))('to 1e-4, ONNX Runtime in Python', async () => {
    const { folder } = await folderOf(model);
    const { stdout, status } = check(folder);
    expect({ status, result: JSON.parse(stdout) }).toMatchObject({ status: 0, result: { rows: 8, holds: true } });
  });

  test('one changed weight shows', async () => {
    const { folder, logits } = await folderOf(model);
    const name = 'bert.encoder.layer.1.attention.output.dense.weight';
    const changed = float32((model.tensors.get(name) as Tensor<'float32'>).data.slice(), [128, 128]);
    changed.data[changed.data.findIndex((w) => w !== 0)] = 3;
    await saveModel(folder, { ...model, tensors: new Map([...model.tensors, [name, changed]]) });
    const { stdout, status } = check(folder, '--logits', logits);
    expect({ status, result: JSON.parse(stdout) }).toMatchObject({ status: 1, result: { holds: false } });
  });
});

const shared = path.resolve(root, '../shared/hub/models');
const writers = [
  ...['gpt2', 'llama', 'opt', 'opt-350m-style', 'qwen2', 'bart', 'marian', 't5', 't5-v1_1'].map((name) =>
    path.join(shared, 'tiny-random', name),
  ),
  ...['karpathy/stories260K', 'neuroprune-fixtures/t5-tiny-multi30k-de-en'].map((name) => path.join(shared, name)),
  ...['qwen3', 'gemma'].map((name) => path.join(root, 'packages/models/fixtures/writers', name)),
].filter((folder) => existsSync(folder));

/** A model that writes with 70 % of each matrix zero, and in the last layer a dead head and a dead unit. */
async function prunedWriter(folder: string): Promise<LoadedModel> {
  const loaded = await loadModel(folder);
  const tensors = new Map([...loaded.tensors].map(([name, t]) => [name, float32(t.data.slice(), t.dims)]));
  const layers = prunableLayers(loaded.prunable, tensors);
  for (const { data } of matricesOf(layers)) {
    const cut = [...data].map(Math.abs).sort((a, b) => a - b)[Math.floor(0.7 * data.length)] ?? 0;
    for (const [i, w] of data.entries()) if (Math.abs(w) < cut) data[i] = 0;
  }
  const last = layers.findLast(({ cross }) => !cross)!;
  last.value.data.fill(0, 0, (last.value.rows / last.heads) * last.value.cols);
  for (const { data, cols } of last.intermediate) data.fill(0, 0, cols);
  storeLayers(loaded.prunable, tensors, layers);
  return { ...loaded, tensors };
}

/** Publishes a writer as a run does, with the logits of its ONNX files beside it. */
async function publishedWriter(model: LoadedModel): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'transformers-'));
  await saveModel(folder, model);
  const { structure, tensors } = await compact(model);
  const whole = model.architecture.structure(model.config);
  // A head whose value bias has no bias to go into stays.
  expect(structure.at(-1)!.hiddenUnits).toBeLessThan(whole.at(-1)!.hiddenUnits);
  await mkdir(path.join(folder, 'onnx'));
  for (const [name, graph] of generationModels({ config: model.config, tensors, structure })!)
    await saveOnnx(inferenceGraph(graph), path.join(folder, `onnx/${name}.onnx`));
  const [rows, length] = [4, 9];
  const ids = (width: number, value: (row: number, at: number) => number) =>
    Int32Array.from({ length: rows * width }, (_, i) => value(Math.floor(i / width), i % width));
  const reads = { input_ids: ids(length, (r, at) => (at < length - 2 * r ? 5 + ((37 * at + 11 * r) % 20) : 0)) };
  const batch = {
    rows,
    length,
    weights: new Float32Array(rows).fill(1),
    inputs: {
      ...reads,
      attention_mask: ids(length, (r, at) => Number(at < length - 2 * r)),
      ...(model.task === 'seq2seq-lm' && { decoder_input_ids: ids(6, (r, at) => 3 + ((7 * at + r) % 20)) }),
    },
  };
  await using files = await openPublished(folder, { threads: 1 });
  const given = Object.entries(batch.inputs).map(([name, values]) => {
    const data = BigInt64Array.from(values, BigInt);
    return [name, tensor('int64', [rows, values.length / rows], data)] as const;
  });
  const logits = await files.logits(batch);
  await writeSafetensors(
    path.join(folder, 'logits.safetensors'),
    new Map<string, Tensor>([...given, ['logits', logits]]),
  );
  return folder;
}

test.skipIf(!ready)(
  `stock transformers and the ONNX files of pruned models that write text agree${why}`,
  async () => {
    const folders: string[] = [];
    onTestFinished(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))).then(() => {}));
    for (const writer of writers) folders.push(await publishedWriter(await prunedWriter(writer)));
    const { stdout, stderr, status } = check(...folders, '--logits', 'logits.safetensors');
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const apart = results.map(({ maxAbsDifference }, i) => [path.basename(writers[i]!), maxAbsDifference < 1e-4]);
    expect({ status, stderr: status === 0 ? '' : stderr, apart }).toEqual({
      status: 0,
      stderr: '',
      apart: writers.map((writer) => [path.basename(writer), true]),
    });
  },
  120_000,
);
