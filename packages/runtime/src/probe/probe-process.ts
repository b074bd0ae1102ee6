/**
 * Runs a tiny session on the device named on the command line, in a process that may crash. Prints what came out, and on
 * a second line what is known of the device.
 */
import { GraphBuilder, type Model, modelOf, writeModel } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { type Device, ortOptions } from '../device.js';
import { halfSum } from '../half-sum.js';
import { loadedLibraries, softwareDriver } from './adapter.js';
import type { Facts } from './probe.js';

const device = process.argv[2] as Device;

/** Runs a model from x to y. */
async function computed(model: Model, x: ort.Tensor): Promise<number[]> {
  const session = await ort.InferenceSession.create(writeModel(model), ortOptions({ device, threads: 1 }));
  const { y } = await session.run({ x });
  return [...((y?.data ?? []) as Float32Array)];
}

function product(): Model {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', [2, 2]);
  builder.output(builder.op.MatMul(x, x), 'y');
  return modelOf(builder.graph);
}

const result = await computed(product(), new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]));
const facts: { -readonly [Name in keyof Facts]: Facts[Name] } = {};
if (device === 'webgpu') {
  const software = softwareDriver(loadedLibraries());
  if (software !== undefined) facts.software = software;
  const sum = computed(halfSum(), new ort.Tensor('float32', Float32Array.of(1), [1]));
  facts.half = await sum.then(
    ([y]) => y === 2,
    () => false,
  );
}
process.stdout.write(`${JSON.stringify(result)}\n${JSON.stringify(facts)}`);
