import { OnnxError } from '../errors.js';
import { type LooseGraph, type LooseNode, type LooseQuantization, link, type Scope, type ValueInfo } from '../link.js';
import type { Graph } from '../model.js';
import type { Notes } from '../notes.js';
import { readAttribute } from './attribute.js';
import type { ExternalReader } from './external-data.js';
import type { Message } from './message-reader.js';
import { readEntry, readNotes, recordOf } from './notes.js';
import { readNamedTensor, readSparseTensor } from './tensor.js';
import { readValueInfo } from './types.js';

/** Before version 4 of the format, initializers are listed among the inputs. */
export const listsInitializers = (irVersion: number): boolean => irVersion < 4;

/** Both names of ONNX's own operators are one. */
export const domainOf = (name: string): string => (name === 'ai.onnx' ? '' : name);

/** A node whose attributes are not looked into yet. */
export interface RawNode {
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Message[];
  opType: string;
  domain: string;
  overload: string;
  name: string;
  notes: Notes | undefined;
}

/** What graphs and functions have in common. */
export interface RawParts {
  readonly nodes: RawNode[];
  readonly infos: ValueInfo[];
}

interface RawGraph extends RawParts {
  name: string;
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  readonly initializers: LooseGraph['initializers'][number][];
  readonly sparse: LooseGraph['sparse'][number][];
  readonly quantization: LooseQuantization[];
}

function readQuantization(message: Message): LooseQuantization {
  let value = '';
  const parameters: (readonly [string, string])[] = [];
  message.read({
    1: (f) => {
      value = f.string();
    },
    2: (f) => parameters.push(readEntry(f.message())),
  });
  return { value, parameters: recordOf(parameters, `quantization of '${value}'`) };
}

const untyped = (name: string): ValueInfo => ({ name, dtype: undefined, shape: undefined });
const isTyped = ({ dtype, shape, type }: ValueInfo): boolean => Boolean(dtype || shape || type);

/** Reads graphs; one reader for one model. */
export class GraphReader {
  /** `listed`: initializers stand among the inputs too, without being inputs. */
  constructor(
    private readonly listed: boolean,
    private readonly external: ExternalReader,
  ) {}

  /** Nothing yet. */
  parts(): RawParts {
    return { nodes: [], infos: [] };
  }

  /** Reads a `NodeProto`. */
  node(message: Message): RawNode {
    const node: RawNode = {
      ...{ inputs: [], outputs: [], attributes: [] },
      ...{ opType: '', domain: '', overload: '', name: '', notes: undefined },
    };
    const notes = readNotes(message, 6, 9, {
      1: (f) => node.inputs.push(f.string()),
      2: (f) => node.outputs.push(f.string()),
      3: (f) => {
        node.name = f.string();
      },
      4: (f) => {
        node.opType = f.string();
      },
      5: (f) => node.attributes.push(f.message()),
      7: (f) => {
        node.domain = domainOf(f.string());
      },
      8: (f) => {
        node.overload = f.string();
      },
    });
    if (node.opType === '') throw new OnnxError(`node '${node.name}': expected an operator, got none`);
    return { ...node, notes };
  }

  /** Reads a `GraphProto`, linked in the scope of the node that holds it. */
  read(message: Message, outer?: Scope): Graph {
    const graph = link(this.loose(message), outer);
    return this.listed ? { ...graph, inputs: graph.inputs.filter((v) => !v.tensor && !v.sparse) } : graph;
  }

  /** The graph of a function; inputs and outputs are names, their types stand with those of other values. */
  linkFunction(
    name: string,
    parts: RawParts,
    inputs: readonly string[],
    outputs: readonly string[],
    notes: Notes | undefined,
  ): Graph {
    const known = new Map(parts.infos.map((info) => [info.name, info]));
    return link({
      ...{ name, outputs, notes, initializers: [], sparse: [], quantization: [] },
      inputs: inputs.map((input) => known.get(input) ?? untyped(input)),
      nodes: parts.nodes.map((node) => this.loosen(node, known)),
    });
  }

  private loose(message: Message): LooseGraph {
    const graph: RawGraph = {
      ...{ name: '', inputs: [], outputs: [], initializers: [], sparse: [], quantization: [] },
      ...this.parts(),
    };
    const notes = readNotes(message, 10, 16, {
      1: (f) => graph.nodes.push(this.node(f.message())),
      2: (f) => {
        graph.name = f.string();
      },
      5: (f) => graph.initializers.push(readNamedTensor(f.message(), this.external)),
      11: (f) => graph.inputs.push(readValueInfo(f.message())),
      12: (f) => graph.outputs.push(readValueInfo(f.message())),
      13: (f) => graph.infos.push(readValueInfo(f.message())),
      14: (f) => graph.quantization.push(readQuantization(f.message())),
      15: (f) => {
        const sparse = readSparseTensor(f.message(), this.external);
        graph.sparse.push({ name: sparse.values.name ?? '', sparse });
      },
    });
    const known = new Map(graph.infos.map((info) => [info.name, info]));
    for (const output of graph.outputs) if (isTyped(output) || !known.has(output.name)) known.set(output.name, output);
    return {
      ...graph,
      nodes: graph.nodes.map((node) => this.loosen(node, known)),
      outputs: graph.outputs.map((o) => o.name),
      notes,
    };
  }

  private loosen(raw: RawNode, known: ReadonlyMap<string, ValueInfo>): LooseNode {
    const where = `${raw.opType}(${raw.outputs[0] ?? ''})`;
    const outputs = raw.outputs.map((name) => known.get(name) ?? untyped(name));
    const attributes = (scope: Scope) => {
      const context = { external: this.external, graph: (message: Message) => this.read(message, scope) };
      return recordOf(
        raw.attributes.map((message) => readAttribute(message, context)),
        where,
      );
    };
    return { ...raw, outputs, attributes };
  }
}
