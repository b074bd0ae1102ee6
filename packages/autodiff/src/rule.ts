import type { Attributes, GraphBuilder, Node, OpFunctions, OpType, ops, Value } from '@neuroprune/onnx';
import type { controlFlow, nonDifferentiable, pending } from './lists.js';

/** Name of an operator in `nonDifferentiable`. */
export type NonDifferentiable = keyof typeof nonDifferentiable;

/** Name of an operator in `controlFlow`. */
export type ControlFlow = keyof typeof controlFlow;

/** Name of an operator in `pending`. */
export type Pending = keyof typeof pending;

/** Operators that must have a gradient rule. */
export type Differentiable = Exclude<OpType, NonDifferentiable | ControlFlow | Pending>;

type InputNames<K extends OpType> = (typeof ops)[K]['in'];

/** One entry an input of the operator: `E` where it is required, `E` or `Absent` where it may be left out. */
type PerInput<N, E, Absent> = N extends readonly [infer H extends string, ...infer R]
  ? H extends `...${string}`
    ? readonly E[]
    : readonly [H extends `${string}?` ? E | Absent : E, ...PerInput<R, E, Absent>]
  : readonly [];

type Result<K extends OpType> = ReturnType<OpFunctions[K]>;

/** What a rule sees of a node. */
export interface RuleContext<K extends OpType> {
  /** The graph's operators; a rule writes its gradients with them. */
  readonly op: OpFunctions;
  readonly builder: GraphBuilder;
  readonly node: Node;
  /** Inputs, in the order of the operator table. */
  readonly x: PerInput<InputNames<K>, Value, undefined>;
  /** Output, or outputs. */
  readonly y: Result<K>;
  /** Gradient of the loss with respect to the output; for several outputs, undefined where the loss does not use one. */
  readonly g: Result<K> extends Value ? Value : readonly (Value | undefined)[];
  /** Attributes as written in the node; rules state ONNX's defaults where they read them. */
  readonly attrs: Attributes<K>;
  /** Gradients through nodes that the rule has written: from those of their results to those of `wrt`, null where there is none. */
  readonly vjp: (
    nodes: readonly Node[],
    results: readonly (Value | undefined)[],
    given: readonly (Value | undefined)[],
    wrt: readonly (Value | undefined)[],
  ) => (Value | null)[];
}

/** From a node and its output's gradient to one gradient an input, null where there is none; not yet summed to the input's shape. */
export type Rule<K extends OpType> = (
  context: RuleContext<K>,
) => PerInput<InputNames<K>, Value | null, null | undefined>;

/** One rule an operator. */
export type RuleTable<K extends OpType> = { readonly [P in K]: Rule<P> };
