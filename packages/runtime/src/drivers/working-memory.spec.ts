import { totalmem } from 'node:os';
import { GraphBuilder, type Model, modelOf } from '@neuroprune/onnx';
import { expect, test } from 'vitest';
import { bytesKept, hasRoomForAll } from './working-memory.js';

/** Tokens' rows through some operators, each read by the next, and one value that stays. */
function steps(count: number): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', ['batch*sequence', 8]);
  const kept = op.Exp(x);
  const w = op.Mul(builder.input('w', 'float32', [100]), 2);
  let y = kept;
  for (let i = 0; i < count; i++) y = op.Tanh(y);
  builder.output(op.Add(y, kept), 'y');
  builder.output(w, 'w.next');
  return modelOf(builder.graph);
}

const batch = { rows: 2, length: 5 };

test('counts buffers that are used again once, and those of the batch apart', () => {
  const rows = 4 * 2 * 5 * 8;
  // What stays, and a value beside the one that it is made from.
  expect(bytesKept(steps(3), batch)).toEqual({ fixed: 400, ofBatch: 3 * rows });
  expect(bytesKept(steps(30), batch)).toEqual(bytesKept(steps(3), batch));
  expect(bytesKept(steps(3), { rows: 2, length: 50 }).ofBatch).toBe(30 * rows);
});

test('there is room up to half of the memory', () => {
  const { fixed, ofBatch } = bytesKept(steps(3), { rows: 1, length: 1 });
  const most = Math.floor((totalmem() / 2 - fixed) / (4.5 * ofBatch));
  expect(hasRoomForAll(steps(3), { rows: 1, length: most })).toBe(true);
  expect(hasRoomForAll(steps(3), { rows: 1, length: most + 1 })).toBe(false);
});
