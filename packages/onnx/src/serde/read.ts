import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { OnnxError } from '../errors.js';
import { type Graph, type Model, Node, Value } from '../model.js';
import type { Tensor } from '../tensor.js';
import { readAttribute } from './attribute.js';
import { ExternalReader } from './external-data.js';
import { MAX_GRAPH_DEPTH, MAX_MESSAGE_BYTES } from './limits.js';
import { readMessage } from './message-reader.js';
import { readTensor } from './tensor.js';
import { readValueInfo, type ValueInfo } from './types.js';

/** From this version of the format on, initializers are no longer listed among the inputs. */
const IR_WITHOUT_INITIALIZER_INPUTS = 4;

/** What a graph sees of the graphs around it. */
interface Scope {
  readonly values: Map<string, Value>;
  readonly outer: Scope | undefined;
  readonly depth: number;
}

interface RawNode {
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Uint8Array[];
  opType: string;
  domain: string;
  name: string;
}

interface RawGraph {
  readonly nodes: RawNode[];
  readonly initializers: { readonly name: string; readonly tensor: Tensor }[];
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  readonly infos: ValueInfo[];
  name: string;
}

const domainOf = (name: string): string => (name === 'ai.onnx' ? '' : name);

function readNode(bytes: Uint8Array): RawNode {
  const node: RawNode = { inputs: [], outputs: [], attributes: [], opType: '', domain: '', name: '' };
  readMessage(bytes, {
    1: (f) => node.inputs.push(f.string()),
    2: (f) => node.outputs.push(f.string()),
    3: (f) => {
      node.name = f.string();
    },
    4: (f) => {
      node.opType = f.string();
    },
    5: (f) => node.attributes.push(f.bytes()),
    7: (f) => {
      node.domain = domainOf(f.string());
    },
  });
  return node;
}

function readRawGraph(bytes: Uint8Array, external: ExternalReader): RawGraph {
  const graph: RawGraph = { nodes: [], initializers: [], inputs: [], outputs: [], infos: [], name: '' };
  readMessage(bytes, {
    1: (f) => graph.nodes.push(readNode(f.bytes())),
    2: (f) => {
      graph.name = f.string();
    },
    5: (f) => graph.initializers.push(readTensor(f.bytes(), external)),
    11: (f) => graph.inputs.push(readValueInfo(f.bytes())),
    12: (f) => graph.outputs.push(readValueInfo(f.bytes())),
    13: (f) => graph.infos.push(readValueInfo(f.bytes())),
    15: () => {
      throw new OnnxError(`graph '${graph.name}': expected dense initializers, got a sparse one`);
    },
  });
  return graph;
}

function lookUp(scope: Scope | undefined, name: string): Value | undefined {
  for (let s = scope; s; s = s.outer) {
    const value = s.values.get(name);
    if (value) return value;
  }
  return undefined;
}

function define(scope: Scope, graph: RawGraph, value: Value): Value {
  if (value.name === '') return value;
  if (scope.values.has(value.name)) {
    throw new OnnxError(`graph '${graph.name}': expected each name once, got '${value.name}' again`);
  }
  scope.values.set(value.name, value);
  return value;
}

function use(scope: Scope, graph: RawGraph, name: string, user: string): Value {
  const value = lookUp(scope, name);
  if (!value) throw new OnnxError(`graph '${graph.name}': expected '${name}' to be defined, got a use by ${user} only`);
  return value;
}

/** Reads graphs; one reader for one model. */
class GraphReader {
  constructor(
    private readonly irVersion: number,
    private readonly external: ExternalReader,
  ) {}

  read(bytes: Uint8Array, outer?: Scope): Graph {
    const depth = (outer?.depth ?? 0) + 1;
    if (depth > MAX_GRAPH_DEPTH) throw new OnnxError(`graph: expected at most ${MAX_GRAPH_DEPTH} levels, got more`);
    const raw = readRawGraph(bytes, this.external);
    const scope: Scope = { values: new Map(), outer, depth };
    const listed = raw.inputs.map((i) => define(scope, raw, new Value(i.name, i.dtype, i.shape)));
    const initializers = raw.initializers.map(({ name, tensor }) => this.initializer(scope, raw, name, tensor));
    const infos = new Map([...raw.infos, ...raw.outputs].map((info) => [info.name, info]));
    const results = raw.nodes.map((n) =>
      n.outputs.map((name) => define(scope, raw, new Value(name, infos.get(name)?.dtype, infos.get(name)?.shape))),
    );
    return {
      name: raw.name,
      inputs: listed.filter((v) => !v.tensor || this.irVersion >= IR_WITHOUT_INITIALIZER_INPUTS),
      initializers,
      nodes: raw.nodes.map((node, i) => this.node(scope, raw, node, results[i] as Value[])),
      outputs: raw.outputs.map((info) => use(scope, raw, info.name, 'the outputs')),
    };
  }

  /** An initializer may be the default of an input; then both are one value. */
  private initializer(scope: Scope, graph: RawGraph, name: string, content: Tensor): Value {
    const input = scope.values.get(name);
    const value = input && !input.tensor ? input : define(scope, graph, new Value(name, content.dtype, content.dims));
    value.tensor = content;
    return value;
  }

  private node(scope: Scope, graph: RawGraph, raw: RawNode, outputs: Value[]): Node {
    const context = { external: this.external, graph: (bytes: Uint8Array) => this.read(bytes, scope) };
    const attributes = raw.attributes.map((bytes) => readAttribute(bytes, context));
    const inputs = raw.inputs.map((name) => (name === '' ? undefined : use(scope, graph, name, raw.opType)));
    return new Node(raw.opType, inputs, outputs, Object.fromEntries(attributes), raw.domain, raw.name);
  }
}

function readPair(bytes: Uint8Array): [string, string] {
  let key = '';
  let value = '';
  readMessage(bytes, {
    1: (f) => {
      key = f.string();
    },
    2: (f) => {
      value = f.string();
    },
  });
  return [key, value];
}

function readOpset(bytes: Uint8Array): [string, number] {
  let domain = '';
  let version = 0;
  readMessage(bytes, {
    1: (f) => {
      domain = domainOf(f.string());
    },
    2: (f) => {
      version = f.int();
    },
  });
  return [domain, version];
}

function decode(bytes: Uint8Array, external: ExternalReader): Model {
  let graph: Uint8Array | undefined;
  const model: Omit<Model, 'graph'> = { irVersion: 0, opsets: {}, metadata: {}, producer: '' };
  const opsets: [string, number][] = [];
  const metadata: [string, string][] = [];
  readMessage(bytes, {
    1: (f) => {
      model.irVersion = f.int();
    },
    2: (f) => {
      model.producer = f.string();
    },
    7: (f) => {
      graph = f.bytes();
    },
    8: (f) => opsets.push(readOpset(f.bytes())),
    14: (f) => metadata.push(readPair(f.bytes())),
    25: () => {
      throw new OnnxError('model: expected operators only, got functions of its own; inline them');
    },
  });
  if (!graph) throw new OnnxError('model: expected a graph, got none');
  const read = new GraphReader(model.irVersion, external).read(graph);
  return {
    graph: read,
    irVersion: Math.max(model.irVersion, IR_WITHOUT_INITIALIZER_INPUTS),
    opsets: Object.fromEntries(opsets),
    metadata: Object.fromEntries(metadata),
    producer: model.producer,
  };
}

async function load(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > MAX_MESSAGE_BYTES) throw new Error(`${size} bytes, more than ${MAX_MESSAGE_BYTES}`);
    return await readFile(file);
  } catch (cause) {
    const got = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : (cause as Error).message;
    throw new OnnxError(`model '${file}': expected a readable file, got ${got}`, 'input', { cause });
  }
}

/** How to read a model. */
export interface ReadOptions {
  /** Path of the file with the weights; needed only when the model is given as bytes. */
  readonly externalData?: string;
}

/** Reads a model from a file or from bytes. Throws OnnxError (`input`) when it is damaged or uses what is not supported. */
export async function readModel(source: string | Uint8Array, options: ReadOptions = {}): Promise<Model> {
  const bytes = typeof source === 'string' ? await load(source) : source;
  const beside = options.externalData ?? (typeof source === 'string' ? source : undefined);
  const external = new ExternalReader(beside === undefined ? undefined : path.dirname(path.resolve(beside)));
  try {
    return decode(bytes, external);
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    const name = typeof source === 'string' ? `model '${source}'` : 'model';
    throw new OnnxError(`${name}: expected an ONNX file, got damaged bytes (${(cause as Error).message})`, 'input', {
      cause,
    });
  } finally {
    external.close();
  }
}
