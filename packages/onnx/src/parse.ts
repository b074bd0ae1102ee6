import { type DType, dtypes } from './dtype.js';
import { type LooseGraph, type LooseNode, link, type Scope, type ValueInfo } from './link.js';
import { type Attribute, type Model, modelOf } from './model.js';
import type { Dim, Shape } from './shape.js';
import { type Tensor, type TensorArrays, tensor } from './tensor.js';
import { TextReader } from './text-reader.js';

const isDType = (text: string): text is DType => Object.hasOwn(dtypes, text);

function readDim(r: TextReader): Dim {
  if (r.accept('?')) return null;
  return /^-?\d+$/.test(r.next) ? r.integer() : r.word();
}

function readShape(r: TextReader): Shape | undefined {
  return r.accept('[') ? r.list(']', () => readDim(r)) : undefined;
}

function readDType(r: TextReader): DType {
  const { next } = r;
  if (!isDType(next)) return r.fail('an element type');
  r.take();
  return next;
}

function readName(r: TextReader): string {
  r.expect('%');
  return r.word();
}

function readDeclared(r: TextReader): ValueInfo {
  const name = readName(r);
  if (!r.accept(':')) return { name, dtype: undefined, shape: undefined };
  const dtype = r.accept('?') ? undefined : readDType(r);
  return { name, dtype, shape: readShape(r) };
}

const integers = (r: TextReader): number[] => r.list('}', () => r.integer());
const numbers = (r: TextReader): number[] => r.list('}', () => r.number());
const bigints = (r: TextReader): bigint[] =>
  r.list('}', () => (/^-?\d+$/.test(r.next) ? BigInt(r.take()) : r.fail('an integer')));

const elements: { readonly [D in DType]: (r: TextReader) => TensorArrays[D] } = {
  float32: (r) => Float32Array.from(numbers(r)),
  float64: (r) => Float64Array.from(numbers(r)),
  float16: (r) => Uint16Array.from(integers(r)),
  bfloat16: (r) => Uint16Array.from(integers(r)),
  int8: (r) => Int8Array.from(integers(r)),
  int16: (r) => Int16Array.from(integers(r)),
  int32: (r) => Int32Array.from(integers(r)),
  int64: (r) => BigInt64Array.from(bigints(r)),
  uint8: (r) => Uint8Array.from(integers(r)),
  uint16: (r) => Uint16Array.from(integers(r)),
  uint32: (r) => Uint32Array.from(integers(r)),
  uint64: (r) => BigUint64Array.from(bigints(r)),
  bool: (r) => Uint8Array.from(integers(r)),
  string: (r) => r.list('}', () => r.string()),
};

function readTensor(r: TextReader): Tensor {
  const dtype = readDType(r);
  r.expect('[');
  const dims = r.list(']', () => r.integer());
  if (r.next === '#') r.fail('elements (print with weights: true)');
  r.expect('{');
  return tensor(dtype, dims, elements[dtype](r));
}

/** An attribute before its graph, if it is one, is linked. */
type LooseAttribute = Exclude<Attribute, { type: 'graph' }> | { readonly type: 'graph'; readonly value: LooseGraph };

const isInteger = (text: string): boolean => /^-?\d+$/.test(text);

function readList(r: TextReader): LooseAttribute {
  r.expect('[');
  if (r.next.startsWith('"')) return { type: 'strings', value: r.list(']', () => r.string()) };
  if (isInteger(r.next)) return { type: 'ints', value: r.list(']', () => r.integer()) };
  return { type: 'floats', value: r.list(']', () => r.number()) };
}

function readEmptyList(r: TextReader, type: 'ints' | 'floats' | 'strings'): LooseAttribute {
  r.take();
  r.expect('[');
  r.expect(']');
  return { type, value: [] };
}

function readAttribute(r: TextReader): LooseAttribute {
  const { next } = r;
  if (next === '[') return readList(r);
  if (next === 'ints' || next === 'floats' || next === 'strings') return readEmptyList(r, next);
  if (next === 'graph') return { type: 'graph', value: readGraph(r) };
  if (isDType(next)) return { type: 'tensor', value: readTensor(r) };
  if (next.startsWith('"')) return { type: 'string', value: r.string() };
  return isInteger(next) ? { type: 'int', value: r.integer() } : { type: 'float', value: r.number() };
}

function readAttributes(r: TextReader): [string, LooseAttribute][] {
  if (!r.accept('{')) return [];
  return r.list('}', () => {
    const name = r.word();
    r.expect(':');
    return [name, readAttribute(r)];
  });
}

function linkAttributes(attributes: readonly [string, LooseAttribute][], scope: Scope): Record<string, Attribute> {
  return Object.fromEntries(
    attributes.map(([name, a]) => [name, a.type === 'graph' ? { type: 'graph', value: link(a.value, scope) } : a]),
  );
}

function readOutputs(r: TextReader): ValueInfo[] {
  if (r.accept('=')) return [];
  const outputs = [readDeclared(r)];
  while (r.accept(',')) outputs.push(readDeclared(r));
  r.expect('=');
  return outputs;
}

function readNode(r: TextReader): LooseNode {
  const outputs = readOutputs(r);
  const first = r.word();
  const domain = r.accept(':') ? first : '';
  if (domain !== '') r.expect(':');
  const opType = domain === '' ? first : r.word();
  r.expect('(');
  const inputs = r.list(')', () => (r.accept('_') ? '' : readName(r)));
  const attributes = readAttributes(r);
  const name = r.accept('@') ? r.word() : '';
  return { opType, domain, name, inputs, outputs, attributes: (scope) => linkAttributes(attributes, scope) };
}

function readGraph(r: TextReader): LooseGraph {
  r.expect('graph');
  const inputs: ValueInfo[] = [];
  const outputs: string[] = [];
  const initializers: { name: string; tensor: Tensor }[] = [];
  const nodes: LooseNode[] = [];
  const name = r.word();
  r.expect('{');
  while (!r.accept('}')) {
    if (r.accept('input')) inputs.push(readDeclared(r));
    else if (r.accept('output')) outputs.push(readName(r));
    else if (r.accept('init')) {
      const value = readName(r);
      r.expect('=');
      initializers.push({ name: value, tensor: readTensor(r) });
    } else nodes.push(readNode(r));
  }
  return { name, inputs, outputs, initializers, nodes };
}

/** The model of a text that `print` made; a text that begins with `graph` gets the builder's operator set. */
export function parse(text: string): Model {
  const r = new TextReader(text);
  const header: Partial<Model> = r.accept('onnx')
    ? { irVersion: r.integer(), producer: r.string(), opsets: {}, metadata: {} }
    : {};
  const opsets: [string, number][] = [];
  const metadata: [string, string][] = [];
  while (r.next === 'opset' || r.next === 'meta') {
    if (r.take() === 'opset') opsets.push([r.string(), r.integer()]);
    else metadata.push([r.string(), r.string()]);
  }
  const graph = link(readGraph(r));
  if (r.next !== '') r.fail('one graph');
  const lists = header.opsets ? { opsets: Object.fromEntries(opsets), metadata: Object.fromEntries(metadata) } : {};
  return { ...modelOf(graph), ...header, ...lists };
}
