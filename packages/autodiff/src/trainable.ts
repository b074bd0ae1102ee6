import {
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateDropout,
  eliminateIdentity,
  GraphBuilder,
  type Model,
  Node,
  type OpFunctions,
  runPasses,
  type StepSignature,
  setStepSignature,
  slotInput,
  slotOutput,
  sortNodes,
  stackDims,
  type Value,
} from '@neuroprune/onnx';
import { backward } from './backward.js';
import { replaceDropout } from './dropout.js';
import { AutodiffError } from './errors.js';
import { finder, type GradientOptions, weightedSum } from './gradients.js';
import { losses } from './loss.js';
import { adamw } from './optim/adamw.js';
import type { Optimizer } from './optim/optimizer.js';
import { candidatesOf, trainedParameters } from './parameters.js';
import { prepared } from './prepare.js';
import { cutApart, type ParameterStack, putTogether, stacksOf } from './stacks.js';

/** Further terms of the objective by name: scalars made from the parameters (by name), each with a coefficient input. */
export type Terms = (
  op: OpFunctions,
  parameters: ReadonlyMap<string, Value>,
  builder: GraphBuilder,
) => Readonly<Record<string, Value>>;

/** What to minimise, over which parameters, and how. */
export interface TrainableOptions {
  /**
   * A loss over the model's first output and the inputs `labels` and `weights`, or a scalar output that is one; several
   * outputs are added up, with their weights where they are given.
   */
  readonly loss: keyof typeof losses | { readonly output: GradientOptions['of'] };
  /** Initializers to train; by default every float32 one with an axis that the loss depends on, constants of the builder apart. */
  readonly wrt?: readonly string[];
  /** By default AdamW. */
  readonly optimizer?: Optimizer;
  /** Rate of every `Dropout` node instead of its own; 0 leaves dropout out. */
  readonly dropout?: number;
  /** Parameters whose zeros stay zeros. */
  readonly masked?: readonly string[];
  /** Parameters without weight decay; by default those with fewer than two axes. */
  readonly noDecay?: readonly string[] | ((name: string, dims: readonly number[]) => boolean);
  readonly terms?: Terms;
  /** Most members a stack; 30 by default, 7 where WebGPU allows 8 buffers a shader. */
  readonly stackLimit?: number;
}

/** Name of the scalar input that weighs a term. */
export const coefficientInput = (term: string): string => `${term}.coefficient`;

/**
 * The step graph of a model: (state, batch, scalars of this step) → (state', loss, terms). Its interface is its
 * `StepSignature`; the first state comes from `initialState`.
 */
export function trainable(model: Model, options: TrainableOptions): Model {
  const candidates = candidatesOf(model.graph, options.wrt);
  const copy = prepared(model, ({ name }) => candidates.includes(name));
  const { graph } = copy;
  const builder = new GraphBuilder(graph);
  const dropoutScalars = replaceDropout(builder, options.dropout);
  const loss = lossOf(copy, builder, options.loss);
  const parameters = trainedParameters(graph, loss, candidates, options.wrt !== undefined);
  const { total, terms, coefficients } = objective(builder, loss, parameters, options.terms);
  const gradients = backward(builder, total, [...parameters.values()]);
  const gradientOf = new Map([...parameters.keys()].map((name, i) => [name, gradients[i] as Value]));

  const optimizer = options.optimizer ?? adamw();
  const stacks = stacksOf([...parameters.values()], {
    slots: optimizer.slots,
    limit: options.stackLimit ?? 30,
    ...membership(options, parameters),
  });
  const scalars = new Map(optimizer.scalars.map((name) => [name, builder.input(name, 'float32', [])]));
  graph.outputs = [];
  for (const [name, value] of Object.entries({ loss, ...terms })) builder.output(value, name);
  const isFree = (v: Value) => parameters.get(v.name) !== v;
  graph.initializers = graph.initializers.filter(isFree);
  graph.inputs = graph.inputs.filter(isFree); // older files list initializers there too
  for (const stack of stacks) {
    const members = stack.members.map((name) => parameters.get(name) as Value);
    const given = stack.members.map((name) => gradientOf.get(name) as Value);
    const w = weightsInput(builder, stack, members);
    step(builder, stack, { w, g: putTogether(builder, stack, given) }, optimizer, scalars);
  }
  runPasses(copy, [eliminateDropout, eliminateIdentity, eliminateDeadCode, eliminateCommonSubexpressions, sortNodes]);
  const used = new Set(graph.nodes.flatMap((n) => n.inputs));
  const idle = [...scalars].filter(([, value]) => !used.has(value)).map(([name]) => name);
  graph.inputs = graph.inputs.filter((v) => !idle.includes(v.name));
  return setStepSignature(copy, {
    stacks: stacks.map(({ decayed: _, ...stack }) => stack),
    copies: [],
    variables: [],
    batch: batchInputs(graph.inputs, model.graph.inputs),
    scalars: [...dropoutScalars, ...optimizer.scalars.filter((name) => !idle.includes(name)), ...coefficients],
    results: ['loss', ...Object.keys(terms)],
  });
}

function scalarNamed(find: (name: string) => Value, name: string): Value {
  const value = find(name);
  if (value.shape?.length !== 0)
    throw new AutodiffError(`loss: expected a scalar output, got '${name}' [${value.shape}]`);
  return value;
}

function lossOf(model: Model, builder: GraphBuilder, loss: TrainableOptions['loss']): Value {
  if (typeof loss === 'object') {
    const find = (name: string) => scalarNamed(finder(model), name);
    return weightedSum(builder, loss.output, find);
  }
  const [output] = model.graph.outputs;
  if (!output) throw new AutodiffError(`model '${model.graph.name}': expected an output, got none`);
  const { labels, build } = losses[loss];
  const targets = {
    labels: builder.input('labels', labels, ['batch']),
    weights: builder.input('weights', 'float32', ['batch']),
  };
  return build(builder, output, targets);
}

/** loss + Σ coefficient·term. */
function objective(
  builder: GraphBuilder,
  loss: Value,
  parameters: ReadonlyMap<string, Value>,
  write: Terms = () => ({}),
): { total: Value; terms: Readonly<Record<string, Value>>; coefficients: string[] } {
  const { op } = builder;
  const terms = write(op, parameters, builder);
  const coefficients = Object.keys(terms).map(coefficientInput);
  const total = Object.values(terms).reduce(
    (sum, term, i) => op.Add(sum, op.Mul(builder.input(coefficients[i] as string, 'float32', []), term)),
    loss,
  );
  return { total, terms, coefficients };
}

/** Which parameters are masked and which decay, after checking the names. */
function membership({ masked = [], noDecay }: TrainableOptions, parameters: ReadonlyMap<string, Value>) {
  const unknown = masked.find((name) => !parameters.has(name));
  if (unknown) throw new AutodiffError(`masked: expected names of trained parameters, got '${unknown}'`);
  const maskedNames = new Set(masked);
  const exempt = typeof noDecay === 'object' ? new Set(noDecay) : undefined;
  const spared = typeof noDecay === 'function' ? noDecay : (_: string, dims: readonly number[]) => dims.length < 2;
  return {
    isMasked: (name: string) => maskedNames.has(name),
    isDecayed: (name: string, dims: readonly number[]) => (exempt ? !exempt.has(name) : !spared(name, dims)),
  };
}

/** The input that holds a stack's weights; the members become it, or pieces of it. */
function weightsInput(builder: GraphBuilder, stack: ParameterStack, members: readonly Value[]): Value {
  for (const value of members) value.tensor = undefined;
  const w = builder.input(slotInput(stack, 'w'), 'float32', stackDims(stack));
  if (members.length > 1) cutApart(builder, stack, members, w);
  else builder.graph.nodes.push(new Node('Identity', [w], [...members]));
  return w;
}

/** One optimizer step of a stack: its slots as inputs, their successors as outputs. */
function step(
  builder: GraphBuilder,
  stack: ParameterStack,
  { w, g }: { readonly w: Value; readonly g: Value },
  optimizer: Optimizer,
  scalars: ReadonlyMap<string, Value>,
): void {
  const { op } = builder;
  const input = (slot: string) => builder.input(slotInput(stack, slot), 'float32', stackDims(stack));
  const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, input(slot)]));
  const next = optimizer.update({ op, w, g, slots, scalars: Object.fromEntries(scalars), decayed: stack.decayed });
  const weights = stack.masked ? op.Where(op.Equal(w, 0), 0, next.w as Value) : next.w;
  for (const [slot, value] of Object.entries({ ...next, w: weights }))
    builder.output(value as Value, slotOutput(stack, slot));
}

/** The batch: the model's own inputs, then what the loss compares with. */
function batchInputs(inputs: readonly Value[], own: readonly Value[]): StepSignature['batch'] {
  const names = new Set([...own.map((v) => v.name), 'labels', 'weights']);
  return inputs
    .filter((v) => names.has(v.name))
    .map(({ name, dtype, shape }) => {
      const rank = shape?.length;
      if ((dtype === 'int64' || dtype === 'int32' || dtype === 'float32') && (rank === 1 || rank === 2))
        return { name, dtype, rank };
      throw new AutodiffError(
        `input '${name}': expected int64, int32 or float32 with 1 or 2 axes, got ${dtype} [${shape}]`,
      );
    });
}
