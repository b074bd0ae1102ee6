import { type Attribute, type Graph, type ModelFunction, Node, Value } from '../model.js';
import { tensorOf } from './constant.js';

/** What a call gives, and what the function gives where the call does not. */
type Given = ReadonlyMap<string, Attribute>;

/** Copies graphs of a function for one call: values stay apart, attributes that refer to the call's take its values. */
class Instance {
  private readonly values = new Map<Value, Value>();

  constructor(private readonly given: Given) {}

  /** The copy of a value; `type` are the operand's that stands for it. */
  value(value: Value, type: Value | undefined = value): Value {
    const known = this.values.get(value);
    if (known) return known;
    const copy = new Value(value.name, type.dtype, type.shape);
    copy.type = type.type;
    copy.elements = type.elements;
    copy.tensor = tensorOf(type);
    this.values.set(value, copy);
    return copy;
  }

  graph(graph: Graph): Graph {
    const nodes = graph.nodes.map((node) => this.node(node));
    const copies = (values: readonly Value[]) => values.map((v) => this.value(v));
    const { name, inputs, outputs, initializers } = graph;
    return { name, inputs: copies(inputs), outputs: copies(outputs), initializers: copies(initializers), nodes };
  }

  private node(node: Node): Node {
    const attributes = Object.entries(node.attributes).flatMap(([name, a]) => {
      const resolved = a.type === 'reference' ? this.given.get(a.value) : a;
      return resolved ? [[name, this.attribute(resolved)] as const] : [];
    });
    const [inputs, outputs] = [node.inputs.map((v) => v && this.value(v)), node.outputs.map((v) => this.value(v))];
    const copy = new Node(node.opType, inputs, outputs, Object.fromEntries(attributes), node.domain, node.name);
    copy.overload = node.overload;
    return copy;
  }

  private attribute(a: Attribute): Attribute {
    return a.type === 'graph' ? { ...a, value: this.graph(a.value) } : a;
  }
}

/** The graph of a function with the operands and attributes of one call; what it makes has no types yet. */
export function instantiate(called: ModelFunction, call: Node): Graph {
  const instance = new Instance(new Map([...Object.entries(called.defaults), ...Object.entries(call.attributes)]));
  called.graph.inputs.forEach((input, i) => void instance.value(input, call.inputs[i] ?? input));
  return instance.graph(called.graph);
}
