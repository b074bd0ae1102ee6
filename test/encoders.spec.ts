import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildModel, type LoadedModel, loadModel, saveModel } from '@neuroprune/models';
import { float32, saveModel as saveOnnx } from '@neuroprune/onnx';
import { compact, inferenceGraph, prunableLayers } from '@neuroprune/prune';
import { expect, onTestFinished, test } from 'vitest';
import { root } from './workspace.js';

const python = process.env.NEUROPRUNE_PYTHON ?? 'python3';
const script = path.join(root, 'tools/golden/check_transformers.py');
const ready = spawnSync(python, ['-c', 'import torch, transformers, safetensors, onnxruntime']).status === 0;
const why = ready ? '' : ` (skipped: ${python} lacks torch, transformers or onnxruntime; NEUROPRUNE_PYTHON names one)`;

const random = path.resolve(root, '../shared/hub/models/tiny-random');
const fixtures = path.join(root, 'packages/models/fixtures');
const classifiers = [
  ...['roberta', 'distilbert', 'electra'].map((name) => path.join(random, name)).filter(existsSync),
  ...['albert', 'deberta-v2'].map((name) => path.join(fixtures, name)),
];
const types = ['albert', 'bert', 'deberta-v2', 'distilbert', 'electra', 'roberta', 'xlm-roberta'];

/** A model with a dead head and dead hidden units in its first layer. */
function withDeadParts(loaded: LoadedModel): LoadedModel {
  const tensors = new Map([...loaded.tensors].map(([name, t]) => [name, float32(t.data.slice(), t.dims)]));
  const [layer] = prunableLayers(loaded.prunable, tensors);
  layer?.value.data.fill(0, 0, layer.value.data.length / layer.heads);
  layer?.intermediate[0]?.data.fill(0, 0, 5 * layer.query.cols);
  return { ...loaded, tensors };
}

async function folderFor(name: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `${name}-`));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(path.join(folder, 'onnx'));
  return folder;
}

/** Publishes a model as a run does: dense weights with zeros, the ONNX file compacted. */
async function published(source: string): Promise<string> {
  const [folder, model] = [await folderFor('encoder'), withDeadParts(await loadModel(source))];
  const small = await compact(model);
  expect(small.structure[0]?.heads).toBe(3);
  await saveModel(folder, model);
  await saveOnnx(small.model, path.join(folder, 'onnx/model.onnx'));
  return folder;
}

/** Writes a model that finds masked words as it is. */
async function converted(source: string): Promise<string> {
  const [folder, loaded] = [await folderFor('masked'), await loadModel(source)];
  const { config, tensors, task, head } = loaded;
  const { model } = buildModel({ config, tensors, task, labels: head.numLabels });
  await saveModel(folder, loaded);
  await saveOnnx(inferenceGraph(model), path.join(folder, 'onnx/model.onnx'));
  return folder;
}

const verdicts = (folders: readonly string[]) => {
  const { stdout, stderr } = spawnSync(python, [script, ...folders, '--json'], { encoding: 'utf8' });
  const lines = stdout.trim().split('\n').filter(Boolean);
  if (lines.length < folders.length) throw new Error(stderr);
  return lines.map((line) => JSON.parse(line) as { holds: boolean; maxAbsDifference: number });
};

test.skipIf(!ready)(
  `stock transformers reads each family's saved classifier with the compacted logits${why}`,
  async () => {
    const results = verdicts(await Promise.all(classifiers.map(published)));
    expect(results.map(({ holds }) => holds)).toEqual(classifiers.map(() => true));
  },
  120_000,
);

test.skipIf(!ready)(
  `stock transformers reads each family's saved head for masked words${why}`,
  async () => {
    const results = verdicts(await Promise.all(types.map((type) => converted(path.join(fixtures, 'masked-lm', type)))));
    expect(results.map(({ holds }) => holds)).toEqual(types.map(() => true));
  },
  120_000,
);
