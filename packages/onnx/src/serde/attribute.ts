import { OnnxError } from '../errors.js';
import type { Attribute, Graph } from '../model.js';
import { shortestFloat } from '../number.js';
import type { ExternalReader } from './external-data.js';
import { type Handlers, readMessage } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';
import { readTensor, writeTensor } from './tensor.js';

/** `AttributeProto.AttributeType` (onnx.proto). */
const codes = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;
type Kind = Attribute['type'];
const kindOfCode = new Map<number, Kind>(Object.entries(codes).map(([kind, code]) => [code, kind as Kind]));

/** What reading an attribute needs from around it. */
export interface AttributeContext {
  readonly external: ExternalReader;
  /** Reads a subgraph in the scope of the node. */
  readonly graph: (bytes: Uint8Array) => Graph;
}

interface RawAttribute {
  name: string;
  code: number;
  float: number;
  int: number;
  string: string;
  tensor: Uint8Array | undefined;
  graph: Uint8Array | undefined;
  floats: number[];
  ints: bigint[];
  strings: string[];
  /** The kind of the last field seen, for files older than the `type` field. */
  seen: Kind | undefined;
}

const attributeFields = (a: RawAttribute): Handlers => {
  const kept = (kind: Kind, set: () => void) => {
    set();
    a.seen = kind;
  };
  return {
    1: (f) => {
      a.name = f.string();
    },
    2: (f) => kept('float', () => Object.assign(a, { float: shortestFloat(f.float()) })),
    3: (f) => kept('int', () => Object.assign(a, { int: f.int() })),
    4: (f) => kept('string', () => Object.assign(a, { string: f.string() })),
    5: (f) => kept('tensor', () => Object.assign(a, { tensor: f.bytes() })),
    6: (f) => kept('graph', () => Object.assign(a, { graph: f.bytes() })),
    7: (f) => kept('floats', () => f.floats(a.floats)),
    8: (f) => kept('ints', () => f.bigints(a.ints)),
    9: (f) => kept('strings', () => a.strings.push(f.string())),
    20: (f) => {
      a.code = f.int();
    },
    21: (f) => {
      throw new OnnxError(`attribute '${a.name}': expected a value, got a reference to '${f.string()}' of a function`);
    },
  };
};

function bytesOrFail(a: RawAttribute, bytes: Uint8Array | undefined): Uint8Array {
  if (!bytes) throw new OnnxError(`attribute '${a.name}': expected a value, got none`);
  return bytes;
}

const values: { readonly [K in Kind]: (a: RawAttribute, context: AttributeContext) => Attribute } = {
  float: (a) => ({ type: 'float', value: a.float }),
  int: (a) => ({ type: 'int', value: a.int }),
  string: (a) => ({ type: 'string', value: a.string }),
  floats: (a) => ({ type: 'floats', value: a.floats.map(shortestFloat) }),
  ints: (a) => ({ type: 'ints', value: a.ints.map(Number) }),
  strings: (a) => ({ type: 'strings', value: a.strings }),
  tensor: (a, { external }) => ({ type: 'tensor', value: readTensor(bytesOrFail(a, a.tensor), external).tensor }),
  graph: (a, { graph }) => ({ type: 'graph', value: graph(bytesOrFail(a, a.graph)) }),
};

/** Reads an `AttributeProto`; throws for lists of tensors or graphs, sparse tensors and types. */
export function readAttribute(bytes: Uint8Array, context: AttributeContext): readonly [name: string, Attribute] {
  const a: RawAttribute = {
    ...{ name: '', code: 0, float: 0, int: 0, string: '', tensor: undefined, graph: undefined },
    ...{ floats: [], ints: [], strings: [], seen: undefined },
  };
  readMessage(bytes, attributeFields(a));
  const kind = a.code === 0 ? a.seen : kindOfCode.get(a.code);
  if (!kind) throw new OnnxError(`attribute '${a.name}': expected a supported type, got code ${a.code}`);
  return [a.name, values[kind](a, context)];
}

/** Writes an `AttributeProto`. */
export function writeAttribute(
  w: MessageWriter,
  name: string,
  a: Attribute,
  graph: (w: MessageWriter, graph: Graph) => void,
): void {
  w.string(1, name).int(20, codes[a.type]);
  switch (a.type) {
    case 'float':
      return void w.float(2, a.value);
    case 'int':
      return void w.int(3, a.value);
    case 'string':
      return void w.string(4, a.value);
    case 'tensor':
      return void w.message(5, (t) => writeTensor(t, a.value));
    case 'graph':
      return void w.message(6, (g) => graph(g, a.value));
    case 'floats':
      return void w.floats(7, a.value);
    case 'ints':
      return void w.ints(8, a.value);
    case 'strings':
      for (const text of a.value) w.string(9, text);
  }
}
