import { OnnxError } from '../errors.js';
import type { Attribute, AttributeType, AttributeValue, Graph } from '../model.js';
import { intAttribute, intsAttribute, shortestFloat } from '../number.js';
import type { ValueType } from '../value-type.js';
import type { ExternalReader } from './external-data.js';
import type { ExternalWriter } from './external-writer.js';
import type { Handlers, Message } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';
import { type IntegerList, integerList, NumberList } from './number-list.js';
import { readSparseTensor, readTensor, writeSparseTensor, writeTensor } from './tensor.js';
import { encodeText } from './text.js';
import { readType, writeType } from './types.js';

/** `AttributeProto.AttributeType` (onnx.proto). */
const codes = {
  ...{ float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8, tensors: 9, graphs: 10 },
  ...{ sparse: 11, sparses: 12, type: 13, types: 14 },
} as const satisfies Record<AttributeType, number>;
const typeOfCode = new Map<number, AttributeType>(
  Object.entries(codes).map(([type, code]) => [code, type as AttributeType]),
);

/** What reading an attribute needs from around it. */
export interface AttributeContext {
  readonly external: ExternalReader;
  /** Reads a subgraph in the scope of the node. */
  readonly graph: (message: Message) => Graph;
}

interface RawAttribute {
  name: string;
  code: number;
  reference: string;
  doc: string;
  float: number;
  int: bigint;
  string: string;
  tensor: Message | undefined;
  graph: Message | undefined;
  sparse: Message | undefined;
  type: ValueType | undefined;
  readonly floats: NumberList<Float32Array<ArrayBuffer>>;
  readonly ints: IntegerList;
  readonly strings: string[];
  readonly tensors: Message[];
  readonly graphs: Message[];
  readonly sparses: Message[];
  readonly types: (ValueType | undefined)[];
  /** The type of the last field seen, for files older than the `type` field. */
  seen: AttributeType | undefined;
}

const emptyAttribute = (): RawAttribute => ({
  ...{ name: '', code: 0, reference: '', doc: '', float: 0, int: 0n, string: '', seen: undefined },
  ...{ tensor: undefined, graph: undefined, sparse: undefined, type: undefined },
  ...{
    floats: new NumberList(Float32Array),
    ints: integerList(),
    strings: [],
    tensors: [],
    graphs: [],
    sparses: [],
    types: [],
  },
});

const attributeFields = (a: RawAttribute): Handlers => {
  const kept = (type: AttributeType, part: Partial<RawAttribute> | number | undefined) => {
    if (typeof part === 'object') Object.assign(a, part);
    a.seen = type;
  };
  return {
    1: (f) => void Object.assign(a, { name: f.string() }),
    2: (f) => kept('float', { float: shortestFloat(f.float()) }),
    3: (f) => kept('int', { int: f.bigint() }),
    4: (f) => kept('string', { string: f.text() }),
    5: (f) => kept('tensor', { tensor: f.message() }),
    6: (f) => kept('graph', { graph: f.message() }),
    7: (f) => kept('floats', void f.floats(a.floats)),
    8: (f) => kept('ints', void f.bigints(a.ints)),
    9: (f) => kept('strings', void f.texts(a.strings)),
    10: (f) => kept('tensors', a.tensors.push(f.message())),
    11: (f) => kept('graphs', a.graphs.push(f.message())),
    13: (f) => void Object.assign(a, { doc: f.string() }),
    14: (f) => kept('type', { type: readType(f.message()) }),
    15: (f) => kept('types', a.types.push(readType(f.message()))),
    20: (f) => void Object.assign(a, { code: f.int() }),
    21: (f) => void Object.assign(a, { reference: f.string() }),
    22: (f) => kept('sparse', { sparse: f.message() }),
    23: (f) => kept('sparses', a.sparses.push(f.message())),
  };
};

function required(a: RawAttribute, message: Message | undefined): Message {
  if (!message) throw new OnnxError(`attribute '${a.name}': expected a value, got none`);
  return message;
}

const values: { readonly [K in AttributeType]: (a: RawAttribute, context: AttributeContext) => AttributeValue } = {
  float: (a) => ({ type: 'float', value: a.float }),
  int: (a) => intAttribute(a.int),
  string: (a) => ({ type: 'string', value: a.string }),
  floats: (a) => ({ type: 'floats', value: Array.from(a.floats.values(), shortestFloat) }),
  ints: (a) => intsAttribute(a.ints.values()),
  strings: (a) => ({ type: 'strings', value: a.strings }),
  tensor: (a, { external }) => ({ type: 'tensor', value: readTensor(required(a, a.tensor), external) }),
  tensors: (a, { external }) => ({ type: 'tensors', value: a.tensors.map((t) => readTensor(t, external)) }),
  graph: (a, { graph }) => ({ type: 'graph', value: graph(required(a, a.graph)) }),
  graphs: (a, { graph }) => ({ type: 'graphs', value: a.graphs.map(graph) }),
  sparse: (a, { external }) => ({ type: 'sparse', value: readSparseTensor(required(a, a.sparse), external) }),
  sparses: (a, { external }) => ({ type: 'sparses', value: a.sparses.map((s) => readSparseTensor(s, external)) }),
  type: (a) => ({ type: 'type', value: a.type }),
  types: (a) => ({ type: 'types', value: a.types }),
};

/** Reads an `AttributeProto`. */
export function readAttribute(message: Message, context: AttributeContext): readonly [name: string, Attribute] {
  const a = emptyAttribute();
  message.read(attributeFields(a));
  const type = a.code === 0 ? a.seen : typeOfCode.get(a.code);
  if (!type) throw new OnnxError(`attribute '${a.name}': expected a known type, got code ${a.code}`);
  const value: AttributeValue =
    a.reference === '' ? values[type](a, context) : { type: 'reference', value: a.reference, of: type };
  return [a.name, a.doc === '' ? value : { ...value, doc: a.doc }];
}

/** What writing an attribute needs from around it. */
export interface AttributeTarget {
  readonly external: ExternalWriter | undefined;
  readonly graph: (w: MessageWriter, graph: Graph) => void;
}

function writeValue(w: MessageWriter, a: AttributeValue, { external, graph }: AttributeTarget): void {
  switch (a.type) {
    case 'float':
      return void w.float(2, a.value);
    case 'int':
      return void w.int(3, a.exact ?? a.value);
    case 'string':
      return void w.bytes(4, encodeText(a.value));
    case 'tensor':
      return void w.message(5, (t) => writeTensor(t, a.value, undefined, external));
    case 'graph':
      return void w.message(6, (g) => graph(g, a.value));
    case 'floats':
      return void w.floats(7, a.value);
    case 'ints':
      return void w.ints(8, a.exact ?? a.value);
    case 'strings':
      for (const text of a.value) w.bytes(9, encodeText(text));
      return;
    case 'tensors':
      for (const tensor of a.value) w.message(10, (t) => writeTensor(t, tensor, undefined, external));
      return;
    case 'graphs':
      for (const body of a.value) w.message(11, (g) => graph(g, body));
      return;
    case 'type':
      return void w.message(14, (t) => a.value && writeType(t, a.value));
    case 'types':
      for (const type of a.value) w.message(15, (t) => type && writeType(t, type));
      return;
    case 'sparse':
      return void w.message(22, (s) => writeSparseTensor(s, a.value, undefined, external));
    case 'sparses':
      for (const sparse of a.value) w.message(23, (s) => writeSparseTensor(s, sparse, undefined, external));
      return;
    case 'reference':
      w.string(21, a.value);
  }
}

/** Writes an `AttributeProto`. */
export function writeAttribute(w: MessageWriter, name: string, a: Attribute, target: AttributeTarget): void {
  w.string(1, name).int(20, codes[a.type === 'reference' ? a.of : a.type]);
  writeValue(w, a, target);
  w.text(13, a.doc ?? '');
}
