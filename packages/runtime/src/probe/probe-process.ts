/**
 * Runs a tiny session on the device named on the command line, in a process that may crash. Prints what came out, and on
 * a second line the driver that stood in for a GPU.
 */
import { GraphBuilder, modelOf, writeModel } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { type Device, ortOptions } from '../device.js';
import { loadedLibraries, softwareDriver } from './adapter.js';

const device = process.argv[2] as Device | 'webgpu';
const builder = new GraphBuilder();
const x = builder.input('x', 'float32', [2, 2]);
builder.output(builder.op.MatMul(x, x), 'y');

const session = await ort.InferenceSession.create(
  writeModel(modelOf(builder.graph)),
  ortOptions({ device, threads: 1 }),
);
const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) });
const software = device.startsWith('webgpu') ? softwareDriver(loadedLibraries()) : undefined;
process.stdout.write(`${JSON.stringify([...((y?.data ?? []) as Float32Array)])}${software ? `\n${software}` : ''}`);
