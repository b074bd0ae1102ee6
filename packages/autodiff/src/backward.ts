import {
  type Attributes,
  type GraphBuilder,
  isOpType,
  type Node,
  type OpType,
  ops,
  type Value,
} from '@neuroprune/onnx';
import { captured } from './captured.js';
import { AutodiffError } from './errors.js';
import { filledLike, sameShape, zerosLike } from './like.js';
import { controlFlow, nonDifferentiable, pending } from './lists.js';
import type { Rule, RuleContext } from './rule.js';
import { rules } from './rules/rules.js';
import { isFloat } from './rules/selection.js';
import { sumTo } from './sum-to.js';

/**
 * Reverse mode: appends the gradients of `of` (of the sum of its elements) with respect to each of `wrt`, zeros where
 * there is no path. `start` is the gradient of `of` itself, ones by default. Only nodes between the two are visited;
 * gradients that a rule makes for others are dead code.
 */
export function backward(builder: GraphBuilder, of: Value, wrt: readonly Value[], start?: Value): Value[] {
  const gradients = new Map<Value, Value>([[of, start ?? seed(builder, of)]]);
  walk(builder, builder.graph.nodes, wrt, gradients);
  return wrt.map((x) => gradients.get(x) ?? zerosLike(builder, x));
}

/** Adds to the gradients of some nodes' results those of everything between `wrt` and them. */
function walk(
  builder: GraphBuilder,
  nodes: readonly Node[],
  wrt: readonly Value[],
  gradients: Map<Value, Value>,
): void {
  const live = new Set(wrt);
  const path = nodes.filter((node) => extend(live, node));
  for (const node of path.reverse()) {
    if (!node.outputs.some((y) => gradients.has(y))) continue;
    const from = builder.graph.nodes.length;
    const given = applyRule(builder, node, gradients);
    node.inputs.forEach((x, i) => {
      const g = given[i];
      if (!x || !g || !live.has(x)) return;
      const [sum, sofar] = [sumTo(builder, g, x), gradients.get(x)];
      const isOwn = given.filter((other) => other === sum).length === 1;
      gradients.set(x, sofar ? added(builder, sofar, sum, isOwn ? from : Number.POSITIVE_INFINITY) : sum);
    });
  }
}

/** The sum of two gradients; a product among the nodes from an index on, made for this alone, adds the other up itself. */
function added(builder: GraphBuilder, sofar: Value, sum: Value, from: number): Value {
  const { producer } = sum;
  const isProduct = producer?.opType === 'Gemm' && producer.inputs.length === 2 && sameShape(sofar, sum);
  if (!isProduct || builder.graph.nodes.indexOf(producer, from) < 0) return builder.op.Add(sofar, sum);
  const [y] = builder.node('Gemm', [...producer.inputs, sofar], producer.attributes, 1);
  return y as Value;
}

/** `RuleContext.vjp`. */
const through =
  (builder: GraphBuilder): RuleContext<'Add'>['vjp'] =>
  (nodes, results, given, wrt) => {
    const seeds = results.flatMap((y, i) => (y && given[i] ? [[y, given[i]] as const] : []));
    const gradients = new Map<Value, Value>(seeds);
    const variables = wrt.filter((x): x is Value => x !== undefined && (!x.dtype || isFloat(x)));
    walk(builder, nodes, variables, gradients);
    return wrt.map((x) => (x && gradients.get(x)) ?? null);
  };

/** Marks a node's outputs when they depend on something live; says whether they do. */
function extend(live: Set<Value>, node: Node): boolean {
  if (node.domain === '' && Object.hasOwn(nonDifferentiable, node.opType)) return false;
  if (![...node.inputs, ...captured(node)].some((x) => x && live.has(x))) return false;
  for (const y of node.outputs) if (!y.dtype || isFloat(y)) live.add(y);
  return true;
}

const seed = (builder: GraphBuilder, of: Value): Value =>
  of.shape?.length === 0 ? builder.scalar(1, of.dtype) : filledLike(builder, of, 1);

function applyRule(builder: GraphBuilder, node: Node, gradients: ReadonlyMap<Value, Value>) {
  const rule = ruleOf(node);
  const g = node.outputs.map((y) => gradients.get(y));
  const { out = 1 }: { readonly in: readonly string[]; readonly out?: number | '...' } = ops[node.opType as OpType];
  const single = out === 1;
  const attrs = Object.fromEntries(Object.entries(node.attributes).map(([name, { value }]) => [name, value]));
  return rule({
    op: builder.op,
    builder,
    node,
    x: node.inputs,
    y: single ? node.outputs[0] : node.outputs,
    g: single ? g[0] : g,
    attrs: attrs as Attributes<OpType>,
    vjp: through(builder),
  });
}

// The table types each rule for its own operator; here a node is of any of them.
type AnyRule = (
  context: {
    readonly [K in keyof Parameters<Rule<'Add'>>[0]]: unknown;
  },
) => readonly (Value | null | undefined)[];

function ruleOf(node: Node): AnyRule {
  const { opType, domain, name } = node;
  if (domain === '' && isOpType(opType) && Object.hasOwn(rules, opType)) {
    return rules[opType as keyof typeof rules] as unknown as AnyRule;
  }
  const where = `${domain ? `${domain}.` : ''}${opType} (node '${name || node.outputs[0]?.name}')`;
  const isListed = (list: object) => domain === '' && Object.hasOwn(list, opType);
  if (isListed(controlFlow)) {
    throw new AutodiffError(`${where}: expected no graph inside on the path to the loss, got one; unroll it`);
  }
  throw new AutodiffError(
    isListed(pending)
      ? `no gradient rule yet for ${where}, which is on the list of pending operators; add one in rules/`
      : `no gradient rule for ${where}; add one in rules/, or list it in lists.ts`,
  );
}
