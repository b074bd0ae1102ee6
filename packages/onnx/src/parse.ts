import { isDType } from './dtype.js';
import { checkFunctions } from './functions.js';
import { type LooseGraph, type LooseNode, type LooseQuantization, link, type Scope, type ValueInfo } from './link.js';
import {
  type Attribute,
  type AttributeType,
  type AttributeValue,
  type Model,
  type ModelFunction,
  modelOf,
} from './model.js';
import { intAttribute, intsAttribute } from './number.js';
import { readSparse, readTensor } from './parse-tensor.js';
import { readDeclared, readName, readNotes, readType } from './parse-type.js';
import type { Tensor } from './tensor.js';
import { TextReader } from './text-reader.js';

/** An attribute before its graphs, if it has any, are linked. */
type LooseValue =
  | Exclude<AttributeValue, { type: 'graph' | 'graphs' }>
  | { readonly type: 'graph'; readonly value: LooseGraph }
  | { readonly type: 'graphs'; readonly value: readonly LooseGraph[] };
type LooseAttribute = LooseValue & { readonly doc?: string };

const isInteger = (text: string): boolean => /^-?\d+$/.test(text);

function readList(r: TextReader): LooseValue {
  r.expect('[');
  if (r.next.startsWith('"')) return { type: 'strings', value: r.list(']', () => r.string()) };
  if (isInteger(r.next)) return intsAttribute(r.list(']', () => r.bigint()));
  return { type: 'floats', value: r.list(']', () => r.number()) };
}

function readItems<T>(r: TextReader, item: (r: TextReader) => T): T[] {
  r.take();
  r.expect('[');
  return r.list(']', () => item(r));
}

const attributeTypes = {
  ...{ float: 1, int: 1, string: 1, tensor: 1, graph: 1, floats: 1, ints: 1, strings: 1, tensors: 1, graphs: 1 },
  ...{ sparse: 1, sparses: 1, type: 1, types: 1 },
} as const satisfies Record<AttributeType, 1>;
const isAttributeType = (text: string): text is AttributeType => Object.hasOwn(attributeTypes, text);

function readReference(r: TextReader): LooseValue {
  r.take();
  const of = r.next;
  if (!isAttributeType(of)) return r.fail('a type of attribute');
  r.take();
  return { type: 'reference', of, value: r.word() };
}

/** Attributes whose first word says what they are. */
const byKeyword: { readonly [word: string]: (r: TextReader) => LooseValue } = {
  ints: (r) => ({ type: 'ints', value: readItems(r, () => r.integer()) }),
  floats: (r) => ({ type: 'floats', value: readItems(r, () => r.number()) }),
  strings: (r) => ({ type: 'strings', value: readItems(r, () => r.string()) }),
  tensors: (r) => ({ type: 'tensors', value: readItems(r, readTensor) }),
  graph: (r) => ({ type: 'graph', value: readGraph(r) }),
  graphs: (r) => ({ type: 'graphs', value: readItems(r, readGraph) }),
  sparse: (r) => ({ type: 'sparse', value: readSparse(r) }),
  sparses: (r) => ({ type: 'sparses', value: readItems(r, readSparse) }),
  types: (r) => ({ type: 'types', value: readItems(r, readType) }),
  type: (r) => {
    r.take();
    return { type: 'type', value: readType(r) };
  },
  reference: readReference,
};

function readValue(r: TextReader): LooseValue {
  const { next } = r;
  const read = Object.hasOwn(byKeyword, next) ? byKeyword[next] : undefined;
  if (read) return read(r);
  if (next === '[') return readList(r);
  if (isDType(next)) return { type: 'tensor', value: readTensor(r) };
  if (next.startsWith('"')) return { type: 'string', value: r.string() };
  return isInteger(next) ? intAttribute(r.bigint()) : { type: 'float', value: r.number() };
}

function readAttribute(r: TextReader): LooseAttribute {
  const value = readValue(r);
  const doc = readNotes(r)?.doc;
  return doc === undefined ? value : { ...value, doc };
}

function readAttributes(r: TextReader): [string, LooseAttribute][] {
  if (!r.accept('{')) return [];
  return r.list('}', () => {
    const name = r.word();
    r.expect(':');
    return [name, readAttribute(r)];
  });
}

function linkAttribute(a: LooseAttribute, scope: Scope): Attribute {
  if (a.type === 'graph') return { ...a, value: link(a.value, scope) };
  return a.type === 'graphs' ? { ...a, value: a.value.map((g) => link(g, scope)) } : a;
}

const linkAttributes = (attributes: readonly [string, LooseAttribute][], scope: Scope): Record<string, Attribute> =>
  Object.fromEntries(attributes.map(([name, a]) => [name, linkAttribute(a, scope)]));

function readOutputs(r: TextReader): ValueInfo[] {
  if (r.accept('=')) return [];
  const outputs = [readDeclared(r)];
  while (r.accept(',')) outputs.push(readDeclared(r));
  r.expect('=');
  return outputs;
}

/** `domain::name:overload`; a name alone is of ONNX's own domain. */
function readCallee(r: TextReader): Pick<LooseNode, 'domain' | 'opType' | 'overload'> {
  const first = r.word();
  if (!r.accept(':')) return { domain: '', opType: first, overload: '' };
  if (!r.accept(':')) return { domain: '', opType: first, overload: r.word() };
  const opType = r.word();
  return { domain: first, opType, overload: r.accept(':') ? r.word() : '' };
}

function readNode(r: TextReader): LooseNode {
  const outputs = readOutputs(r);
  const callee = readCallee(r);
  r.expect('(');
  const inputs = r.list(')', () => (r.accept('_') ? '' : readName(r)));
  const attributes = readAttributes(r);
  const name = r.accept('@') ? r.word() : '';
  const notes = readNotes(r);
  return { ...callee, name, inputs, outputs, attributes: (scope) => linkAttributes(attributes, scope), notes };
}

function readQuantization(r: TextReader): LooseQuantization {
  const read = () => (r.next === '%' ? readName(r) : r.string());
  const value = read();
  r.expect('{');
  const parameters = r.list('}', () => {
    const role = r.word();
    r.expect(':');
    return [role, read()] as const;
  });
  return { value, parameters: Object.fromEntries(parameters) };
}

interface Body {
  readonly inputs: ValueInfo[];
  readonly outputs: string[];
  readonly initializers: { readonly name: string; readonly tensor: Tensor }[];
  readonly sparse: LooseGraph['sparse'][number][];
  readonly nodes: LooseNode[];
  readonly quantization: LooseQuantization[];
}

function readInitializer(r: TextReader, body: Body): void {
  const name = readName(r);
  r.expect('=');
  if (r.next === 'sparse') body.sparse.push({ name, sparse: readSparse(r) });
  else body.initializers.push({ name, tensor: readTensor(r) });
}

/** Lines up to the closing brace; `special` takes those that only functions have. */
function readBody(r: TextReader, special: () => boolean = () => false): Body {
  const body: Body = { inputs: [], outputs: [], initializers: [], sparse: [], nodes: [], quantization: [] };
  r.expect('{');
  while (!r.accept('}')) {
    if (special()) continue;
    if (r.accept('input')) body.inputs.push(readDeclared(r));
    else if (r.accept('output')) body.outputs.push(readName(r));
    else if (r.accept('init')) readInitializer(r, body);
    else if (r.accept('quantization')) body.quantization.push(readQuantization(r));
    else body.nodes.push(r.nested(() => readNode(r)));
  }
  return body;
}

function readGraph(r: TextReader): LooseGraph {
  r.expect('graph');
  const name = r.word();
  const notes = readNotes(r);
  return { name, notes, ...r.nested(() => readBody(r)) };
}

function readDefault(r: TextReader): Attribute {
  const a = readAttribute(r);
  if (a.type === 'graph' || a.type === 'graphs') return r.fail('a default without graphs');
  return a;
}

function readFunction(r: TextReader): ModelFunction {
  const { domain, opType: name, overload } = readCallee(r);
  const notes = readNotes(r);
  const opsets: [string, number][] = [];
  const attributes: string[] = [];
  const defaults: [string, Attribute][] = [];
  const body = readBody(r, () => {
    if (r.accept('opset')) opsets.push([r.string(), r.integer()]);
    else if (r.accept('attribute')) {
      const attribute = r.word();
      if (r.accept('=')) defaults.push([attribute, readDefault(r)]);
      else attributes.push(attribute);
    } else return false;
    return true;
  });
  const graph = link({ name, notes, ...body });
  const tables = { opsets: Object.fromEntries(opsets), defaults: Object.fromEntries(defaults) };
  return { domain, overload, graph, attributes, ...tables };
}

interface Header extends Partial<Omit<Model, 'graph'>> {
  opsets: Record<string, number>;
  metadata: Record<string, string>;
}

const headerLines: { readonly [word: string]: (r: TextReader, header: Header) => void } = {
  opset: (r, header) => {
    header.opsets = { ...header.opsets, [r.string()]: r.integer() };
  },
  meta: (r, header) => {
    header.metadata = { ...header.metadata, [r.string()]: r.string() };
  },
  'producer-version': (r, header) => {
    header.producerVersion = r.string();
  },
  domain: (r, header) => {
    header.domain = r.string();
  },
  version: (r, header) => {
    header.version = r.integer();
  },
};

function readHeader(r: TextReader): Partial<Model> {
  if (!r.accept('onnx')) return {};
  const header: Header = { irVersion: r.integer(), producer: r.string(), opsets: {}, metadata: {} };
  const notes = readNotes(r);
  while (Object.hasOwn(headerLines, r.next)) headerLines[r.take()]?.(r, header);
  return notes ? { ...header, notes } : header;
}

/** The model of a text that `print` made; a text that begins with `graph` gets the builder's operator set. */
export function parse(text: string): Model {
  const r = new TextReader(text);
  const header = readHeader(r);
  const model: Model = { ...modelOf(link(readGraph(r))), ...header };
  const functions: ModelFunction[] = [];
  while (r.accept('function')) functions.push(readFunction(r));
  if (r.next !== '') r.fail('one graph');
  if (functions.length > 0) model.functions = functions;
  checkFunctions(model);
  return model;
}
