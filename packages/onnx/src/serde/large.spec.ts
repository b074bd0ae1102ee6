import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import {
  float32,
  GraphBuilder,
  modelOf,
  Node,
  OnnxError,
  readModel,
  saveModel,
  type Tensor,
  type TensorData,
  Value,
  writeModel,
} from '../index.js';
import { MessageWriter } from './message-writer.js';

const isFull = process.env.NEUROPRUNE_CHECK === 'full';
const MIB = 2 ** 20;
/** Tensors and bytes of each; the full check is beyond what one protobuf message can hold. */
const [COUNT, SIZE] = isFull ? [9, 256 * MIB] : [8, 16 * MIB];

const folder = mkdtempSync(path.join(tmpdir(), 'onnx-large-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const built = pathToFileURL(path.resolve(import.meta.dirname, '../../dist/index.js')).href;

/** A model of so many float32 weights beside it, in a file that takes no room: zeros, but for the first byte of each. */
function sparseFile(name: string, count: number, size: number): string {
  const target = path.join(folder, name);
  mkdirSync(target, { recursive: true });
  const fd = openSync(path.join(target, 'w.bin'), 'w');
  ftruncateSync(fd, count * size);
  for (let i = 0; i < count; i++) writeSync(fd, Uint8Array.of(i + 1), 0, 1, i * size);
  closeSync(fd);
  const entry = { location: 'w.bin', length: String(size) };
  const bytes = new MessageWriter().int(1, 10).message(7, (g) => {
    for (let i = 0; i < count; i++) {
      g.message(5, (t) => {
        t.ints(1, [size / 4])
          .int(2, 1)
          .string(8, `w${i}`)
          .int(14, 1);
        for (const [key, value] of Object.entries({ ...entry, offset: String(i * size) })) {
          t.message(13, (e) => e.string(1, key).string(2, value));
        }
      });
    }
    g.string(2, 'large');
  });
  const file = path.join(target, 'model.onnx');
  writeFileSync(file, bytes.finish());
  return file;
}

/** Peak memory in bytes of a process that runs this code with the library as `onnx`. */
function peakOf(code: string): number {
  const source = `const onnx = await import('${built}'); ${code}; console.log(process.resourceUsage().maxRSS)`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  return Number(output.trim()) * 1024;
}

const same = (a: TensorData, b: TensorData) =>
  Buffer.from((a as Float32Array).buffer).equals(Buffer.from((b as Float32Array).buffer));

describe('weights beside the model', () => {
  it('are read and written again without standing in memory all at once', async () => {
    const file = sparseFile('large', COUNT, SIZE);
    const copy = path.join(folder, 'copy', 'model.onnx');
    mkdirSync(path.dirname(copy));
    const idle = peakOf('');
    const copying = peakOf(
      `const model = await onnx.readModel(${JSON.stringify(file)});
       await onnx.saveModel(onnx.cloneModel(model), ${JSON.stringify(copy)}, { externalData: 'w.bin' })`,
    );
    expect(statSync(path.join(folder, 'copy/w.bin')).size).toBe(COUNT * SIZE);
    expect(copying - idle).toBeLessThan(48 * MIB);
    const inside = path.join(folder, 'copy', 'inside.onnx');
    // A protobuf message ends at 2 GiB.
    const some = `model.graph.initializers.splice(${Math.floor((2 ** 31 - 1) / SIZE)})`;
    const embedding = peakOf(
      `const model = await onnx.readModel(${JSON.stringify(file)});
       ${some}; await onnx.saveModel(model, ${JSON.stringify(inside)})`,
    );
    expect(statSync(inside).size).toBeGreaterThan(Math.min(COUNT, 7) * SIZE);
    expect(embedding - idle).toBeLessThan(48 * MIB);
    const looking = peakOf(
      `const model = await onnx.readModel(${JSON.stringify(copy)});
       const first = model.graph.initializers.map((v) => new Uint8Array(v.tensor.data.buffer)[0]);
       if (first.join() !== Array.from({ length: ${COUNT} }, (_, i) => i + 1).join()) throw new Error(first.join())`,
    );
    expect(looking - idle).toBeLessThan(4 * SIZE + 64 * MIB);
    rmSync(path.join(folder, 'copy'), { recursive: true });
  }, 300_000);

  it.each(['toFloat16', 'quantizeDynamic', 'quantizeBlockwise'])(
    'are converted one after another as they are written: %s',
    async (name) => {
      const [matrices, size] = [24, 4 * MIB];
      const b = new GraphBuilder();
      let x = b.input('x', 'float32', ['n', 1024]);
      const weight = float32(new Float32Array(size / 4).fill(0.5), [1024, 1024]);
      for (let i = 0; i < matrices; i++)
        x = b.op.Gemm(x, b.initializer(`w${i}`, { ...weight }), undefined, { transB: 1 });
      b.output(x, 'y');
      const file = path.join(folder, `${name}.onnx`);
      await saveModel(modelOf(b.graph), file, { externalData: `${name}.bin` });
      const [idle, out] = [peakOf(''), path.join(folder, `${name}-out.onnx`)];
      const peak = peakOf(
        `const model = await onnx.readModel(${JSON.stringify(file)});
         onnx.${name}(model); await onnx.saveModel(model, ${JSON.stringify(out)})`,
      );
      const [before, after] = [matrices * size, statSync(out).size];
      expect(after / before).toBeLessThan(0.51);
      expect(peak - idle).toBeLessThan(0.8 * before);
    },
    60_000,
  );

  it('are refused in the model itself when they are beyond 2 GiB', async () => {
    const file = sparseFile('inline', 9, 256 * MIB);
    const model = await readModel(file);
    const expected = /expected at most 2147483647 bytes, got 2415919104; write the weights as externalData/;
    expect(() => writeModel(model)).toThrow(expected);
    await expect(saveModel(model, path.join(folder, 'none.onnx'))).rejects.toThrow(expected);
  });

  it('are read when asked for, once in a row, and stay what they were when the file gets another name', async () => {
    const file = sparseFile('lazy', 2, MIB);
    const model = await readModel(file);
    const [a, b] = model.graph.initializers.map((v) => v.tensor as Tensor<'float32'>) as [Tensor, Tensor];
    const data = a.data;
    expect(a.data).toBe(data);
    expect(b.data).not.toBe(data);
    expect(a.data).not.toBe(data);
    expect(same(a.data, data)).toBe(true);
    await saveModel(model, file, { externalData: 'w.bin' });
    const again = await readModel(file);
    const [c, d] = again.graph.initializers.map((v) => v.tensor as Tensor) as [Tensor, Tensor];
    expect([same(c.data, data), same(d.data, b.data), same(a.data, data)]).toEqual([true, true, true]);
    expect(same(a.data, b.data)).toBe(false);
  });

  it('that are cut short afterwards are an OnnxError at the access', async () => {
    const file = sparseFile('short', 2, MIB);
    const model = await readModel(file);
    const fd = openSync(path.join(path.dirname(file), 'w.bin'), 'r+');
    ftruncateSync(fd, MIB + 4);
    closeSync(fd);
    const [a, b] = model.graph.initializers.map((v) => v.tensor as Tensor) as [Tensor, Tensor];
    expect(a.data.length).toBe(MIB / 4);
    expect(() => b.data).toThrow(OnnxError);
    expect(() => b.data).toThrow(/external data 'w.bin': expected 1048576 bytes, got 4; the file became shorter/);
    await expect(saveModel(model, file, { externalData: 'x.bin' })).rejects.toThrow(/became shorter/);
  });

  it('that stand twice are written once', async () => {
    const shared = float32(new Float32Array(4096).fill(2));
    const values = ['a', 'b'].map((name) => Object.assign(new Value(name, 'float32', [4096]), { tensor: shared }));
    const sum = new Value('y', 'float32', [4096]);
    const nodes = [new Node('Add', values, [sum])];
    const model = modelOf({ name: 'g', inputs: [], outputs: [sum], initializers: values, nodes });
    const file = path.join(folder, 'tied.onnx');
    await saveModel(model, file, { externalData: 'tied.bin' });
    expect(statSync(path.join(folder, 'tied.bin')).size).toBe(4 * 4096);
    const read = await readModel(file);
    expect(read.graph.initializers.map((v) => v.tensor?.data)).toEqual([shared.data, shared.data]);
  });
});
