import path from 'node:path';
import { OnnxError } from '../errors.js';
import type { Graph, Model, Node, Value } from '../model.js';
import { optionalOutputs } from '../outputs.js';
import { usedValues } from '../passes/pass.js';
import { writeAttribute } from './attribute.js';
import { ExternalWriter, insideFolder } from './external-data.js';
import { writeFileAtomic } from './files.js';
import { MessageWriter } from './message-writer.js';
import { writeTensor } from './tensor.js';
import { writeValueInfo } from './types.js';

type Names = ReadonlyMap<string, Value>;

function namesOf(graph: Graph, outer: Names): Names {
  const names = new Map(outer);
  for (const value of [...graph.inputs, ...graph.initializers, ...graph.nodes.flatMap((n) => n.outputs)]) {
    if (value.name !== '') names.set(value.name, value);
  }
  return names;
}

/** Writes the graphs of one model. */
class GraphWriter {
  private readonly used: Set<Value>;

  constructor(
    root: Graph,
    private readonly external: ExternalWriter | undefined,
  ) {
    this.used = usedValues(root);
  }

  write(w: MessageWriter, graph: Graph, outer: Names = new Map()): void {
    const names = namesOf(graph, outer);
    for (const node of graph.nodes) w.message(1, (n) => this.node(n, node, names));
    w.string(2, graph.name || 'graph');
    for (const value of graph.initializers) {
      const { tensor } = value;
      if (!tensor) throw new OnnxError(`internal: initializer '${value.name}' has no tensor`);
      w.message(5, (t) => writeTensor(t, tensor, value.name, this.external));
    }
    for (const value of graph.inputs) w.message(11, (i) => writeValueInfo(i, info(value)));
    for (const value of graph.outputs) {
      this.nameOf(value, names, 'the outputs');
      w.message(12, (o) => writeValueInfo(o, info(value)));
    }
    const outputs = new Set(graph.outputs);
    for (const node of graph.nodes) {
      this.outputNames(node).forEach((name, i) => {
        const value = node.outputs[i] as Value;
        if (value.dtype && name !== '' && !outputs.has(value)) w.message(13, (v) => writeValueInfo(v, info(value)));
      });
    }
  }

  private node(w: MessageWriter, node: Node, names: Names): void {
    const user = `${node.opType}(${node.outputs[0]?.name ?? ''})`;
    for (const value of node.inputs) w.string(1, value ? this.nameOf(value, names, user) : '');
    for (const name of this.outputNames(node)) w.string(2, name);
    w.text(3, node.name).string(4, node.opType);
    for (const [name, attribute] of Object.entries(node.attributes)) {
      w.message(5, (a) => writeAttribute(a, name, attribute, (g, body) => this.write(g, body, names)));
    }
    w.text(7, node.domain);
  }

  /** Unused optional results get no name, so that the runtime need not compute them. */
  private outputNames(node: Node): string[] {
    const optional = optionalOutputs(node);
    const names = node.outputs.map((v, i) => (i >= optional && !this.used.has(v) ? '' : v.name));
    while (names.length > optional && names.at(-1) === '') names.pop();
    return names;
  }

  private nameOf(value: Value, names: Names, user: string): string {
    if (names.get(value.name) !== value) {
      throw new OnnxError(`value '${value.name}': expected in the graph or around it, got a use by ${user} only`);
    }
    return value.name;
  }
}

const info = ({ name, dtype, shape }: Value) => ({ name, dtype, shape });

function encode(model: Model, external: ExternalWriter | undefined): Uint8Array {
  const w = new MessageWriter().int(1, model.irVersion).text(2, model.producer);
  w.message(7, (g) => new GraphWriter(model.graph, external).write(g, model.graph));
  for (const [domain, version] of Object.entries(model.opsets))
    w.message(8, (o) => o.string(1, domain).int(2, version));
  for (const [key, value] of Object.entries(model.metadata)) w.message(14, (e) => e.string(1, key).string(2, value));
  return w.finish();
}

/** How to write a model. */
export interface WriteOptions {
  /**
   * File for the weights. `writeModel`: a path; the model refers to it by its last part and belongs into the same folder.
   * `saveModel`: a path relative to the model's folder, inside it.
   */
  readonly externalData?: string;
}

/** The model as bytes of an ONNX file; with `externalData`, weights from 1 KiB on go to that file (written atomically). */
export function writeModel(model: Model, options: WriteOptions = {}): Uint8Array {
  const file = options.externalData;
  if (file === undefined) return encode(model, undefined);
  const external = new ExternalWriter(path.basename(file));
  const bytes = encode(model, external);
  external.write(file);
  return bytes;
}

/** Writes the model to a file, whole or not at all; its weights beside it when `externalData` names a file. */
export async function saveModel(model: Model, file: string, options: WriteOptions = {}): Promise<void> {
  const location = options.externalData;
  const external = location === undefined ? undefined : new ExternalWriter(location);
  const beside = location === undefined ? undefined : dataFile(file, location);
  const bytes = encode(model, external);
  if (external && beside) external.write(beside);
  writeFileAtomic(file, [bytes]);
}

function dataFile(model: string, location: string): string {
  const expected = `model '${model}': expected externalData`;
  if (location === path.basename(model)) throw new OnnxError(`${expected} in a file of its own, got '${location}'`);
  try {
    return insideFolder(path.dirname(model), location);
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    throw new OnnxError(`${expected} in a folder that exists, got ${(cause as Error).message}`, 'job', { cause });
  }
}
