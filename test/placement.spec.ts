import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { float32, GraphBuilder, type Model, modelOf } from '@neuroprune/onnx';
import { type TrainRequest, train } from '@neuroprune/prune';
import {
  createInference,
  describeNode,
  isShapeArithmetic,
  type PlacedNode,
  placedNodes,
  strayNodes,
} from '@neuroprune/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tinyBatches, tinyBert } from '../packages/prune/test/tiny-bert.js';
import { devices, titleOf } from '../packages/runtime/test/devices.js';

const tiny = tinyBert();

/** A request for few steps with all that a step may have in it. */
const request = (changes: Partial<TrainRequest>): TrainRequest => ({
  ...tiny,
  loss: 'crossEntropy',
  method: { name: 'dense' },
  batches: () => tinyBatches(),
  epochs: 1,
  lr: 1e-3,
  schedule: 'linear',
  warmup: 0.1,
  weightDecay: 0.01,
  dropout: 0.1,
  seed: 1,
  maxLength: 8,
  ...changes,
});

/** The nodes that ONNX Runtime ran, as its profiles of the sessions say that `work` made under the prefix. */
async function nodesOf(work: (profile: string) => Promise<unknown>): Promise<PlacedNode[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'placement-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await work(path.join(folder, 'profile'));
  const files = (await readdir(folder)).filter((name) => name.startsWith('profile.'));
  expect(files.length).toBeGreaterThan(0);
  const texts = await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')));
  return texts.flatMap(placedNodes);
}

const steps: [string, Partial<TrainRequest>][] = [
  [
    'the penalties of NeuroPrune',
    {
      method: {
        name: 'neuroprune',
        solver: 'subgradient',
        alpha: 1e-4,
        beta: 1e-3,
        sparsity: 0.5,
        outGrouping: 'joint',
      },
    },
  ],
  [
    // Of 27 steps the 17th is one after which masks are cut and no head goes: an event that the device takes by itself.
    'mask events of NeuroPrune',
    {
      method: { name: 'neuroprune', solver: 'threshold', sparsity: 0.5, heads: 6, outGrouping: 'joint', gamma: 0.5 },
      epochs: 4,
      maxSteps: 27,
    },
  ],
  [
    'clipping, averages, smoothed labels, several batches a step, and steps that may be skipped',
    { maxGradNorm: 1, ema: 0.9, onNan: 'skip', accumulate: 2, labelSmoothing: 0.1 },
  ],
];

const gpus = devices.filter(({ device }) => device !== 'cpu').map((found) => [titleOf(found), found] as const);

describe.each(gpus)('on %s', { timeout: 300_000 }, (_, { device, absent }) => {
  const test = it.skipIf(absent !== undefined);

  test.each(steps)('nothing of a step but shape arithmetic comes to the host: %s', async (_, changes) => {
    const nodes = await nodesOf((profile) =>
      train(request({ maxSteps: 3, ...changes, session: { device, threads: 1, profile } })),
    );
    expect(nodes.filter(({ provider }) => provider !== 'CPUExecutionProvider').length).toBeGreaterThan(100);
    expect(nodes.filter(isShapeArithmetic).length).toBeGreaterThan(0);
    expect(strayNodes(nodes).map(describeNode)).toEqual([]);
  });
});

/** Labels spread out, and a log of probabilities: operators that WebGPU leaves to the host. */
function fallingBack(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', ['rows', 4]);
  const ids = op.Cast(op.ReduceMax(x, builder.ints(1), { keepdims: 0 }), { to: 7 });
  const hot = op.OneHot(ids, builder.scalar(4, 'int64'), builder.constant(float32([0, 1])), { axis: 1 });
  builder.output(op.Mul(op.LogSoftmax(x, { axis: 1 }), hot), 'y');
  return modelOf(builder.graph);
}

it.skipIf(devices[1]?.absent !== undefined)('a node that falls back is found', async () => {
  const nodes = await nodesOf(async (profile) => {
    await using inference = await createInference(fallingBack(), { device: 'webgpu', threads: 1, profile });
    await inference.run(new Map([['x', float32(new Float32Array(80).fill(1), [20, 4])]]), ['y']);
  });
  const strays = strayNodes(nodes);
  expect(new Set(strays.map(({ opType }) => opType))).toEqual(
    new Set(['OneHot', 'LogSoftmax', 'MemcpyToHost', 'MemcpyFromHost']),
  );
  expect(strays.map(describeNode).join('\n')).toMatch(
    /^OneHot .*: int64\[20\], int64\[\], float\[2\] -> float\[20,4\]$/m,
  );
});

it.skipIf(devices[1]?.absent !== undefined)('a transpose before a product stays one on webgpu', async () => {
  const product = () => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const [x, w] = [builder.input('x', 'float32', ['rows', 4]), builder.input('w', 'float32', [3, 4])];
    builder.output(op.Gemm(x, op.Transpose(w, { perm: [1, 0] }), undefined), 'y');
    return modelOf(builder.graph);
  };
  const inputs = new Map([
    ['x', float32(new Float32Array(80).fill(1), [20, 4])],
    ['w', float32(new Float32Array(12).fill(1), [3, 4])],
  ]);
  const kindsOn = async (device: 'cpu' | 'webgpu') => {
    const nodes = await nodesOf(async (profile) => {
      await using inference = await createInference(product(), { device, threads: 1, profile });
      await inference.run(inputs, ['y']);
    });
    return nodes.map(({ opType }) => opType).filter((opType) => ['Gemm', 'Transpose'].includes(opType));
  };
  expect(await kindsOn('webgpu')).toEqual(['Transpose', 'Gemm']);
  expect(await kindsOn('cpu')).toEqual(['Gemm']); // ONNX Runtime writes the transpose into the product there
});

const placed = (changes: Partial<PlacedNode>): PlacedNode => ({
  name: 'n',
  opType: 'Add',
  provider: 'CPUExecutionProvider',
  inputs: [{ dtype: 'int64', dims: [2] }],
  outputs: [{ dtype: 'int64', dims: [2] }],
  ...changes,
});

it.each([
  [placed({}), true],
  [placed({ opType: 'Shape', inputs: [{ dtype: 'float', dims: [32, 128, 768] }] }), true],
  [placed({ opType: 'Relu' }), false],
  [placed({ inputs: [{ dtype: 'int64', dims: [32, 128] }] }), false],
  [placed({ outputs: [{ dtype: 'float', dims: [2] }] }), false],
  [placed({ inputs: [{ dtype: 'int64', dims: [17] }] }), false],
])('%j is shape arithmetic: %s', (node, expected) => {
  expect(isShapeArithmetic(node)).toBe(expected);
  expect(strayNodes([node])).toHaveLength(expected ? 0 : 1);
  expect(strayNodes([{ ...node, provider: 'WebGpuExecutionProvider' }])).toEqual([]);
});

it.each([
  [placed({ opType: 'Identity', inputs: [{ dtype: 'bool', dims: [] }], outputs: [{ dtype: 'bool', dims: [] }] }), 0],
  [placed({ opType: 'Identity', inputs: [{ dtype: 'bool', dims: [4] }], outputs: [{ dtype: 'bool', dims: [4] }] }), 1],
  [placed({ opType: 'Not', inputs: [{ dtype: 'bool', dims: [] }], outputs: [{ dtype: 'bool', dims: [] }] }), 1],
])('%j may be what a loop goes on by: %s strays', (node, strays) => {
  expect(strayNodes([node])).toHaveLength(strays);
});
