import { type DType, dtypeOfCode, dtypes } from '../dtype.js';
import { OnnxError } from '../errors.js';
import type { ValueInfo } from '../link.js';
import type { Dim, Shape } from '../shape.js';
import { MAX_RANK } from './limits.js';
import { readMessage } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';

function readDim(bytes: Uint8Array): Dim {
  let dim: Dim = null;
  readMessage(bytes, {
    1: (f) => {
      const value = f.int();
      dim = value >= 0 ? value : null;
    },
    2: (f) => {
      dim = f.string() || null;
    },
  });
  return dim;
}

function readShape(bytes: Uint8Array): Shape {
  const dims: Dim[] = [];
  readMessage(bytes, { 1: (f) => dims.push(readDim(f.bytes())) });
  if (dims.length > MAX_RANK) throw new OnnxError(`shape: expected at most ${MAX_RANK} dimensions, got ${dims.length}`);
  return dims;
}

function readTensorType(bytes: Uint8Array): Omit<ValueInfo, 'name'> {
  let dtype: DType | undefined;
  let shape: Shape | undefined;
  readMessage(bytes, {
    1: (f) => {
      dtype = dtypeOfCode(f.int());
    },
    2: (f) => {
      shape = readShape(f.bytes());
    },
  });
  return { dtype, shape };
}

/** Reads a `ValueInfoProto`; of types other than tensors only the name is kept. */
export function readValueInfo(bytes: Uint8Array): ValueInfo {
  let name = '';
  let type: Omit<ValueInfo, 'name'> = { dtype: undefined, shape: undefined };
  readMessage(bytes, {
    1: (f) => {
      name = f.string();
    },
    2: (f) =>
      readMessage(f.bytes(), {
        1: (g) => {
          type = readTensorType(g.bytes());
        },
      }),
  });
  return { name, ...type };
}

function writeDim(w: MessageWriter, dim: Dim): void {
  if (typeof dim === 'number') w.int(1, dim);
  else if (dim !== null) w.string(2, dim);
}

function writeShape(w: MessageWriter, shape: Shape): void {
  for (const dim of shape) w.message(1, (d) => writeDim(d, dim));
}

/** Writes a `ValueInfoProto`; a value without element type has a name only. */
export function writeValueInfo(w: MessageWriter, info: ValueInfo): void {
  const { dtype, shape } = info;
  w.string(1, info.name);
  if (!dtype) return;
  w.message(2, (type) =>
    type.message(1, (t) => {
      t.int(1, dtypes[dtype].code);
      if (shape) t.message(2, (s) => writeShape(s, shape));
    }),
  );
}
