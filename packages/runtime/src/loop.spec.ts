import { GraphBuilder, type Model, modelOf, type Node, setStepSignature } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { stepModel } from '../test/step.js';
import { type Device, ortOptions } from './device.js';
import { loopOf, ON_HOST } from './loop.js';
import { createTraining } from './training.js';

it('keeps the operator sets and the file format of the step', () => {
  const step = { ...stepModel(), opsets: { '': 23, 'com.microsoft': 1 }, irVersion: 11 };
  expect(loopOf(step)).toMatchObject({ opsets: step.opsets, irVersion: 11 });
});

const names = ['a', 'b', 'c'];

/** Without state; its loss is Σ (a + b + c) over three inputs, all of the shape. */
function sums(shape: readonly (number | string)[]): Model {
  const b = new GraphBuilder();
  const flat = (name: string) => b.op.Reshape(b.input(name, 'int64', shape), b.ints(-1));
  const [first, ...rest] = names.map((name) => b.op.Cast(flat(name), { to: 1 }));
  const sum = rest.reduce((x, y) => b.op.Add(x, y), first!);
  b.output(b.op.ReduceSum(sum, undefined, { keepdims: 0 }), 'loss');
  const batch = names.map((name) => ({ name, dtype: 'int64' as const, rank: 2 as const }));
  const nothing = { stacks: [], copies: [], variables: [], scalars: [] };
  return setStepSignature(modelOf(b.graph), { ...nothing, batch, results: ['loss'] });
}

it.each([[[2, 3]], [['batch', 'sequence']]])('runs a step over inputs of shape %j', async (shape) => {
  await using training = await createTraining(sums(shape), new Map(), { threads: 1 });
  const inputs = Object.fromEntries(names.map((name, i) => [name, Int32Array.of(1, 2, 3, 4, 5, 10 * i)]));
  const none = { labels: new Float32Array(2), weights: new Float32Array(2) };
  const { loss } = await training.run([{ rows: 2, length: 3, inputs, ...none, tokens: 6 }], {});
  expect([...(loss ?? [])]).toEqual([75]);
});

it('keeps where batches lie on the host, and nothing else of a step', () => {
  const { graph } = loopOf(sums(['batch', 'sequence']));
  const body = graph.nodes[0]?.attributes.body;
  const nodes = body?.type === 'graph' ? body.value.nodes : [];
  const isOnHost = (node: Node | undefined) => node?.name.startsWith(ON_HOST) === true;
  const cuts = nodes.filter(({ opType }) => opType === 'Slice');
  expect(cuts).toHaveLength(names.length);
  for (const { inputs } of cuts) {
    expect(inputs.slice(1, 3).map((v) => isOnHost(v?.producer))).toEqual([true, true]);
    expect(isOnHost(inputs[0]?.producer)).toBe(false);
  }
  for (const { inputs } of nodes.filter(isOnHost))
    for (const value of inputs) expect(value?.producer === undefined || isOnHost(value.producer)).toBe(true);
  expect(nodes.filter((node) => isOnHost(node) && node.outputs[0]?.dtype !== 'int64').map((n) => n.opType)).toEqual([
    'Identity',
  ]);
});

it('tells the CUDA provider alone which nodes are not for it', () => {
  const named = (device: Device) =>
    (ortOptions({ device, threads: 1 }).extra.session as Record<string, string>).name_based_layer_assignment;
  expect(named('cuda:1')).toBe(`cpu(${ON_HOST})`);
  expect(named('cpu')).toBeUndefined();
});
