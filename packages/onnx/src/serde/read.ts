import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { OnnxError } from '../errors.js';
import { type LooseGraph, type LooseNode, link, type Scope, type ValueInfo } from '../link.js';
import type { Graph, Model } from '../model.js';
import { readAttribute } from './attribute.js';
import { ExternalReader } from './external-data.js';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { readMessage } from './message-reader.js';
import { readTensor } from './tensor.js';
import { readValueInfo } from './types.js';

/** From this version of the format on, initializers are no longer listed among the inputs. */
const IR_WITHOUT_INITIALIZER_INPUTS = 4;

interface RawNode {
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Uint8Array[];
  opType: string;
  domain: string;
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

/** Reads graphs; one reader for one model. */
class GraphReader {
  constructor(
    private readonly irVersion: number,
    private readonly external: ExternalReader,
  ) {}

  /** The graph, linked in the scope of the node that holds it. */
  read(bytes: Uint8Array, outer?: Scope): Graph {
    const graph = link(this.loose(bytes), outer);
    const listed = this.irVersion < IR_WITHOUT_INITIALIZER_INPUTS;
    return listed ? { ...graph, inputs: graph.inputs.filter((v) => !v.tensor) } : graph;
  }

  private loose(bytes: Uint8Array): LooseGraph {
    let name = '';
    const nodes: RawNode[] = [];
    const initializers: LooseGraph['initializers'][number][] = [];
    const inputs: ValueInfo[] = [];
    const outputs: ValueInfo[] = [];
    const infos: ValueInfo[] = [];
    readMessage(bytes, {
      1: (f) => nodes.push(readNode(f.bytes())),
      2: (f) => {
        name = f.string();
      },
      5: (f) => initializers.push(readTensor(f.bytes(), this.external)),
      11: (f) => inputs.push(readValueInfo(f.bytes())),
      12: (f) => outputs.push(readValueInfo(f.bytes())),
      13: (f) => infos.push(readValueInfo(f.bytes())),
      15: () => {
        throw new OnnxError(`graph '${name}': expected dense initializers, got a sparse one`);
      },
    });
    const known = new Map([...infos, ...outputs].map((info) => [info.name, info]));
    return {
      name,
      inputs,
      initializers,
      nodes: nodes.map((node) => this.node(node, known)),
      outputs: outputs.map((o) => o.name),
    };
  }

  private node(raw: RawNode, known: ReadonlyMap<string, ValueInfo>): LooseNode {
    const outputs = raw.outputs.map((name) => known.get(name) ?? { name, dtype: undefined, shape: undefined });
    const attributes = (scope: Scope) => {
      const context = { external: this.external, graph: (bytes: Uint8Array) => this.read(bytes, scope) };
      return Object.fromEntries(raw.attributes.map((bytes) => readAttribute(bytes, context)));
    };
    return { ...raw, outputs, attributes };
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
