import { OnnxError } from '../errors.js';
import type { Graph, ModelFunction, Node, Quantization, Value } from '../model.js';
import { optionalOutputs } from '../outputs.js';
import { usedValues } from '../passes/pass.js';
import { writeAttribute } from './attribute.js';
import type { ExternalWriter } from './external-writer.js';
import type { MessageWriter } from './message-writer.js';
import { writeEntries, writeNotes } from './notes.js';
import { writeSparseTensor, writeTensor } from './tensor.js';
import { writeValueInfo } from './types.js';

type Names = ReadonlyMap<string, Value>;

function namesOf(graph: Graph, outer: Names): Names {
  const names = new Map(outer);
  const own = [graph.inputs, graph.initializers, graph.sparse ?? [], ...graph.nodes.map((n) => n.outputs)];
  for (const values of own) for (const value of values) if (value.name !== '') names.set(value.name, value);
  return names;
}

/** Writes operator set versions. */
export function writeOpsets(w: MessageWriter, no: number, opsets: Readonly<Record<string, number>>): void {
  for (const [domain, version] of Object.entries(opsets)) w.message(no, (o) => o.string(1, domain).int(2, version));
}

/** Writes one graph with those inside it, or a function. */
export class GraphWriter {
  private readonly used: Set<Value>;
  private readonly target: Parameters<typeof writeAttribute>[3];
  private names: Names = new Map();

  /** `listed`: initializers are inputs too, as old versions of the format want it. */
  constructor(
    root: Graph,
    private readonly external: ExternalWriter | undefined,
    private readonly listed: boolean,
  ) {
    this.used = usedValues(root);
    this.target = { external, graph: (w, body) => this.graph(w, body) };
  }

  /** Writes a `GraphProto`; it sees the names of the graphs that are being written around it. */
  graph(w: MessageWriter, graph: Graph): void {
    this.within(graph, () => {
      for (const node of graph.nodes) w.message(1, (n) => this.node(n, node));
      w.string(2, graph.name || 'graph');
      for (const value of graph.initializers) w.message(5, (t) => this.initializer(t, value));
      for (const value of this.inputs(graph)) w.message(11, (i) => writeValueInfo(i, value));
      for (const value of graph.outputs) {
        this.nameOf(value, 'the outputs');
        w.message(12, (o) => writeValueInfo(o, value));
      }
      this.infos(w, 13, graph, new Set(graph.outputs));
      for (const q of graph.quantization ?? []) w.message(14, (a) => writeQuantization(a, q));
      for (const value of graph.sparse ?? []) w.message(15, (s) => this.sparse(s, value));
      writeNotes(w, 10, 16, graph.notes);
    });
  }

  /** Writes a `FunctionProto`. */
  function(w: MessageWriter, f: ModelFunction): void {
    const { graph } = f;
    const own = graph.initializers.length + (graph.sparse?.length ?? 0) + (graph.quantization?.length ?? 0);
    if (own > 0) {
      throw new OnnxError(`function '${graph.name}': expected constants as nodes, got initializers or annotations`);
    }
    this.within(graph, () => {
      w.string(1, graph.name);
      for (const value of graph.inputs) w.string(4, value.name);
      for (const value of graph.outputs) w.string(5, this.nameOf(value, 'the outputs'));
      for (const name of f.attributes) w.string(6, name);
      for (const node of graph.nodes) w.message(7, (n) => this.node(n, node));
      writeOpsets(w, 9, f.opsets);
      w.text(10, f.domain);
      for (const [name, a] of Object.entries(f.defaults)) w.message(11, (d) => writeAttribute(d, name, a, this.target));
      for (const value of graph.inputs) if (value.dtype || value.type) w.message(12, (i) => writeValueInfo(i, value));
      this.infos(w, 12, graph, new Set());
      w.text(13, f.overload);
      writeNotes(w, 8, 14, graph.notes);
    });
  }

  private within(graph: Graph, write: () => void): void {
    const outer = this.names;
    this.names = namesOf(graph, outer);
    write();
    this.names = outer;
  }

  private inputs(graph: Graph): readonly Value[] {
    if (!this.listed) return graph.inputs;
    return [...new Set([...graph.inputs, ...graph.initializers, ...(graph.sparse ?? [])])];
  }

  private initializer(w: MessageWriter, { name, tensor }: Value): void {
    if (!tensor) throw new OnnxError(`internal: initializer '${name}' has no tensor`);
    writeTensor(w, tensor, name, this.external);
  }

  private sparse(w: MessageWriter, { name, sparse }: Value): void {
    if (!sparse) throw new OnnxError(`internal: sparse initializer '${name}' has no tensor`);
    writeSparseTensor(w, sparse, name, this.external);
  }

  private infos(w: MessageWriter, no: number, graph: Graph, except: ReadonlySet<Value>): void {
    for (const node of graph.nodes) {
      this.outputNames(node).forEach((name, i) => {
        const value = node.outputs[i] as Value;
        const isSaid = value.dtype || value.type || value.notes;
        if (isSaid && name !== '' && !except.has(value)) w.message(no, (v) => writeValueInfo(v, value));
      });
    }
  }

  private node(w: MessageWriter, node: Node): void {
    const user = `${node.opType}(${node.outputs[0]?.name ?? ''})`;
    for (const value of node.inputs) w.string(1, value ? this.nameOf(value, user) : '');
    for (const name of this.outputNames(node)) w.string(2, name);
    w.text(3, node.name).string(4, node.opType);
    for (const [name, a] of Object.entries(node.attributes)) {
      w.message(5, (message) => writeAttribute(message, name, a, this.target));
    }
    w.text(7, node.domain).text(8, node.overload);
    writeNotes(w, 6, 9, node.notes);
  }

  /** Unused optional results get no name, so that the runtime need not compute them. */
  private outputNames(node: Node): string[] {
    const optional = optionalOutputs(node);
    const names = node.outputs.map((v, i) => (i >= optional && !this.used.has(v) ? '' : v.name));
    while (names.length > optional && names.at(-1) === '') names.pop();
    return names;
  }

  private nameOf(value: Value, user: string): string {
    if (this.names.get(value.name) !== value) {
      throw new OnnxError(`value '${value.name}': expected in the graph or around it, got a use by ${user} only`);
    }
    return value.name;
  }
}

function writeQuantization(w: MessageWriter, { value, parameters }: Quantization): void {
  const nameOf = (v: Value | string) => (typeof v === 'string' ? v : v.name);
  w.string(1, nameOf(value));
  writeEntries(w, 2, Object.fromEntries(Object.entries(parameters).map(([role, v]) => [role, nameOf(v)])));
}
