import { OnnxError } from './errors.js';
import { calledBy, checkFunctions, type Functions, functionsOf } from './functions.js';
import type { Graph, Model, ModelFunction, Node, Value } from './model.js';
import { subgraphs } from './model.js';
import { firstSet, formIn, KNOWN_SETS } from './ops/forms.js';
import { isOpType, type OpSpec, type OpType } from './ops.js';
import { showShape } from './shape.js';

const describe = (node: Node): string => `${node.opType}(${node.outputs[0]?.name ?? ''})`;

/** Which operands of an operator have one element type; those of the other operators are free. */
const alike: { readonly [opType: string]: (inputs: Node['inputs']) => Node['inputs'] } = {
  ...Object.fromEntries(
    [
      ...['Add', 'And', 'Concat', 'Div', 'Equal', 'Gemm', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'MatMul'],
      ...['Max', 'Min', 'Mod', 'Mul', 'Or', 'Range', 'Sub', 'Xor'],
    ].map((type) => [type, (inputs: Node['inputs']) => inputs]),
  ),
  Where: (inputs) => inputs.slice(1),
  ScatterElements: (inputs) => [inputs[0], inputs[2]],
  ScatterND: (inputs) => [inputs[0], inputs[2]],
};

function checkTypes(node: Node): void {
  const values = (alike[node.opType]?.(node.inputs) ?? []).filter((v): v is Value => v?.dtype !== undefined);
  const odd = values.find((v) => v.dtype !== values[0]?.dtype);
  if (odd) {
    const types = values.map((v) => `${v.name}: ${v.dtype}${showShape(v.shape)}`).join(', ');
    throw new OnnxError(`${describe(node)}: expected operands of one element type, got ${types}`);
  }
}

function checkVersion(node: Node, type: OpType, set: number): void {
  const first = firstSet(type);
  if (set >= KNOWN_SETS.from && first > set) {
    throw new OnnxError(
      `${describe(node)}: expected an operator of set ${set}, got one of set ${first}; state that set`,
    );
  }
}

function checkArity(node: Node, spec: OpSpec): void {
  const variadic = spec.in.at(-1)?.startsWith('...') ?? false;
  const needed = spec.in.filter((name) => !name.endsWith('?') && !name.startsWith('...'));
  const most = variadic ? Number.POSITIVE_INFINITY : spec.in.length;
  const missing = needed.find((name) => !node.inputs[spec.in.indexOf(name)]);
  if (missing) throw new OnnxError(`${describe(node)}: expected operand '${missing}', got none`);
  if (node.inputs.length > most) {
    throw new OnnxError(`${describe(node)}: expected at most ${most} operands, got ${node.inputs.length}`);
  }
}

function checkAttributes(node: Node, spec: OpSpec): void {
  const kinds = spec.attrs ?? {};
  for (const [name, a] of Object.entries(node.attributes)) {
    const type = a.type === 'reference' ? a.of : a.type;
    const kind = Object.hasOwn(kinds, name) ? kinds[name]?.replace('!', '') : undefined;
    if (!kind) throw new OnnxError(`${describe(node)}: expected an attribute it has, got '${name}'`);
    if (kind !== type) throw new OnnxError(`${describe(node)}: expected attribute '${name}' as ${kind}, got ${type}`);
  }
  const missing = Object.keys(kinds).find((name) => kinds[name]?.endsWith('!') && !node.attributes[name]);
  if (missing) throw new OnnxError(`${describe(node)}: expected attribute '${missing}', got none`);
}

/** Operands, attributes and types as the operator set has them; what the table cannot tell of a set is left alone. */
function checkForm(node: Node, type: OpType, set: number): void {
  checkVersion(node, type, set);
  const form = formIn(type, set);
  if (!form) return;
  checkArity(node, form);
  checkAttributes(node, form);
  checkTypes(node);
}

/** What is defined at a point of a graph, by name. */
class Defined {
  private readonly names = new Map<string, Value>();
  constructor(private readonly outer?: Defined) {}

  has(value: Value): boolean {
    return this.names.get(value.name) === value || (this.outer?.has(value) ?? false);
  }

  knows(name: string): boolean {
    return this.names.has(name) || (this.outer?.knows(name) ?? false);
  }

  add(value: Value, graph: Graph): void {
    if (value.name === '') return;
    if (this.knows(value.name)) {
      throw new OnnxError(`graph '${graph.name}': expected each name once, got '${value.name}' again`);
    }
    this.names.set(value.name, value);
  }
}

/** What holds in a whole model or in one of its functions. */
interface Rules {
  readonly opsets: Readonly<Record<string, number>>;
  readonly functions: Functions;
  /** Attributes that nodes may refer to. */
  readonly attributes: ReadonlySet<string>;
}

function checkReferences(node: Node, { attributes }: Rules): void {
  for (const [name, a] of Object.entries(node.attributes)) {
    if (a.type === 'reference' && !attributes.has(a.value)) {
      throw new OnnxError(`${describe(node)}: expected '${name}' to refer to an attribute here, got '${a.value}'`);
    }
  }
}

function checkNode(node: Node, defined: Defined, rules: Rules): void {
  const called = calledBy(node, rules.functions);
  if (!called && !Object.hasOwn(rules.opsets, node.domain)) {
    throw new OnnxError(`${describe(node)}: expected an operator set for domain '${node.domain}', got none`);
  }
  const missing = node.inputs.find((v) => v && !defined.has(v));
  if (missing)
    throw new OnnxError(`${describe(node)}: expected '${missing.name}' before its use, got it later or never`);
  checkReferences(node, rules);
  if (!called && node.domain === '' && isOpType(node.opType)) checkForm(node, node.opType, rules.opsets[''] ?? 0);
  for (const graph of subgraphs(node)) checkGraph(graph, rules, defined);
}

function defineConstants(graph: Graph, defined: Defined): void {
  const inputs = new Set(graph.inputs);
  for (const value of graph.initializers) {
    if (!value.tensor) throw new OnnxError(`initializer '${value.name}': expected a tensor, got none`);
    if (!inputs.has(value)) defined.add(value, graph);
  }
  for (const value of graph.sparse ?? []) {
    if (!value.sparse) throw new OnnxError(`initializer '${value.name}': expected a sparse tensor, got none`);
    if (!inputs.has(value)) defined.add(value, graph);
  }
}

function checkGraph(graph: Graph, rules: Rules, outer?: Defined): void {
  const defined = new Defined(outer);
  for (const input of graph.inputs) defined.add(input, graph);
  defineConstants(graph, defined);
  for (const node of graph.nodes) {
    checkNode(node, defined, rules);
    for (const output of node.outputs) {
      if (output.producer !== node) throw new OnnxError(`internal: '${output.name}' does not know ${describe(node)}`);
      defined.add(output, graph);
    }
  }
  const missing = graph.outputs.find((v) => !defined.has(v));
  if (missing) throw new OnnxError(`graph '${graph.name}': expected its output '${missing.name}' defined, got none`);
}

function checkFunction({ graph, opsets, attributes, defaults }: ModelFunction, functions: Functions): void {
  if (graph.initializers.length > 0 || graph.sparse) {
    throw new OnnxError(`function '${graph.name}': expected constants as nodes, got initializers`);
  }
  checkGraph(graph, { opsets, functions, attributes: new Set([...attributes, ...Object.keys(defaults)]) });
}

/**
 * Throws OnnxError unless every value is defined before its use (in the graph or around it), every name stands once in
 * what a graph sees, functions do not call themselves, attributes refer to those of the function they stand in, and nodes
 * of the operator table have the operands, attributes and equal element types of their operator set. The latter holds for
 * sets 11 to 25, but for operators that had another form then (`ReduceMean` before 18), which are left alone.
 */
export function check(model: Model): void {
  checkFunctions(model);
  const functions = functionsOf(model);
  checkGraph(model.graph, { opsets: model.opsets, functions, attributes: new Set() });
  for (const f of model.functions ?? []) checkFunction(f, functions);
}
