import {
  allGraphs,
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
  variableOutput,
} from '@neuroprune/onnx';
import { backward } from './backward.js';
import { type DistillOptions, distillation, TEACHER } from './distill.js';
import { replaceDropout } from './dropout.js';
import { AutodiffError } from './errors.js';
import { finder, type GradientOptions, weightedSum } from './gradients.js';
import { type CrossEntropyOptions, losses } from './loss.js';
import { adamw } from './optim/adamw.js';
import { gradNorm } from './optim/clip.js';
import { accumulating, type LossScaling, SCALE, skipping, withNorm } from './optim/gate.js';
import { chain, type Optimizer, type StackContext } from './optim/optimizer.js';
import { candidatesOf, trainedParameters } from './parameters.js';
import { lowerPrecision, type Precision } from './precision.js';
import { prepared } from './prepare.js';
import { isSpared, type Rates, rateFactor, type Selection, selector } from './select.js';
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
   * A loss over the model's first output and the inputs `labels` and `weights`, by name or with choices of its own; or a
   * scalar output that is one; several outputs are added up, with their weights where they are given.
   */
  readonly loss:
    | keyof typeof losses
    | ({ readonly name: 'crossEntropy' } & CrossEntropyOptions)
    | { readonly output: GradientOptions['of'] };
  /** What a teacher's outputs, part of the batch, add to the loss. */
  readonly distill?: DistillOptions;
  /** Initializers to train; by default every float32 one with an axis that the loss depends on, constants of the builder apart. */
  readonly wrt?: readonly string[];
  /** Parameters that stay as they are, constants of the graph. */
  readonly frozen?: Selection;
  /** By default AdamW. */
  readonly optimizer?: Optimizer;
  /** Micro-batches: gradients times the scalar `share` add up, and a step is taken where the scalar `apply` is 1. */
  readonly accumulate?: boolean;
  /** `skip` leaves the state as it was on a step whose loss or gradient is not finite; the result `skipped` says so. */
  readonly guard?: 'skip';
  /** Reports `grad_norm`, the norm of the whole gradient before clipping; reported without asking where clipping or a guard needs it. */
  readonly gradNorm?: boolean;
  /** Type of products and of what lies between them, forward and backward; weights and state stay float32. */
  readonly precision?: Precision;
  /** How the loss is scaled in fp16. */
  readonly lossScaling?: LossScaling;
  /** Rounds to `precision` but computes in float32, for providers without it. */
  readonly emulatePrecision?: boolean;
  /** Rate of every `Dropout` node instead of its own; 0 leaves dropout out. */
  readonly dropout?: number;
  /** Parameters whose zeros stay zeros. */
  readonly masked?: readonly string[];
  /** Parameters without weight decay; by default norms and biases. */
  readonly noDecay?: Selection;
  /** Factors of the learning rate by pattern, for decay from layer to layer. */
  readonly rates?: Rates;
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
  const names = model.graph.initializers.map((v) => v.name);
  const isFrozen = selector('frozen', options.frozen ?? [], names);
  const candidates = candidatesOf(model.graph, options.wrt).filter((name) => !isFrozen(name, dimsOf(model, name)));
  const copy = prepared(model, ({ name }) => candidates.includes(name));
  const { graph } = copy;
  const builder = new GraphBuilder(graph);
  const dropoutScalars = replaceDropout(builder, options.dropout);
  const { loss, inputs } = lossOf(copy, builder, options);
  const parameters = trainedParameters(graph, loss, candidates, options.wrt !== undefined);
  const { total, terms, coefficients } = objective(builder, loss, parameters, options.terms);
  const optimizer = gated(options);
  const scalars = inputsOf(builder, optimizer.scalars);
  const variables = inputsOf(builder, Object.keys(optimizer.init.variables ?? {}));
  const gradients = backward(builder, total, [...parameters.values()], seed(builder, { ...scalars, ...variables }));
  if (options.precision && options.precision !== 'fp32') {
    lowerPrecision(builder, options.precision, { emulated: options.emulatePrecision ?? false });
  }
  const gradientOf = new Map([...parameters.keys()].map((name, i) => [name, gradients[i] as Value]));

  const stacks = stacksOf([...parameters.values()], {
    slots: Object.keys(optimizer.init.slots),
    limit: options.stackLimit ?? 30,
    ...membership(options, parameters),
  });
  graph.outputs = [];
  for (const [name, value] of Object.entries({ loss, ...terms })) builder.output(value, name);
  const isFree = (v: Value) => parameters.get(v.name) !== v;
  graph.initializers = graph.initializers.filter(isFree);
  graph.inputs = graph.inputs.filter(isFree); // older files list initializers there too
  const contexts = stacks.map((stack): StackContext => {
    const members = stack.members.map((name) => parameters.get(name) as Value);
    const given = stack.members.map((name) => gradientOf.get(name) as Value);
    const w = weightsInput(builder, stack, members);
    const { decayed, rate } = stack;
    return {
      w,
      g: putTogether(builder, stack, given),
      next: undefined,
      slots: slotInputs(builder, stack),
      decayed,
      rate,
    };
  });
  const results = step(builder, { stacks, contexts, scalars, variables, loss }, masking(optimizer, stacks));
  runPasses(copy, [eliminateDropout, eliminateIdentity, eliminateDeadCode, eliminateCommonSubexpressions, sortNodes]);
  const used = new Set(allGraphs(graph).flatMap((g) => g.nodes.flatMap((n) => n.inputs)));
  const idle = Object.keys(scalars).filter((name) => !used.has(scalars[name] as Value));
  graph.inputs = graph.inputs.filter((v) => !idle.includes(v.name));
  return setStepSignature(copy, {
    stacks: stacks.map(({ decayed: _, rate: __, ...stack }) => stack),
    copies: Object.entries(optimizer.init.slots).flatMap(([slot, start]) => (start === 'weights' ? [slot] : [])),
    variables: Object.entries(optimizer.init.variables ?? {}).map(([name, initial]) => ({ name, initial })),
    batch: batchInputs(graph.inputs, [...model.graph.inputs.map((v) => v.name), ...inputs]),
    scalars: [...dropoutScalars, ...optimizer.scalars.filter((name) => !idle.includes(name)), ...coefficients],
    results: ['loss', ...Object.keys(terms), ...results],
  });
}

function scalarNamed(find: (name: string) => Value, name: string): Value {
  const value = find(name);
  if (value.shape?.length !== 0)
    throw new AutodiffError(`loss: expected a scalar output, got '${name}' [${value.shape}]`);
  return value;
}

const dimsOf = ({ graph }: Model, name: string): readonly number[] =>
  graph.initializers.find((v) => v.name === name)?.tensor?.dims ?? [];

const inputsOf = (builder: GraphBuilder, names: readonly string[]): Record<string, Value> =>
  Object.fromEntries(names.map((name) => [name, builder.input(name, 'float32', [])]));

/** The optimizer with what decides whether its step is taken around it. */
function gated({ optimizer = adamw(), accumulate, guard, precision, lossScaling, gradNorm: asked }: TrainableOptions) {
  const scaling = precision === 'fp16' ? (lossScaling ?? {}) : undefined;
  const reported = asked && !optimizer.results?.includes('grad_norm') ? chain(gradNorm(), optimizer) : optimizer;
  const checked = guard || scaling ? skipping(reported, scaling) : reported;
  return accumulate ? accumulating(checked) : checked;
}

/** The loss's own gradient: 1, times the share of a micro-batch, times the loss scale. */
function seed(builder: GraphBuilder, values: Readonly<Record<string, Value>>): Value | undefined {
  const factors = ['share', SCALE].flatMap((name) => values[name] ?? []);
  return factors.length > 0 ? factors.reduce((a, b) => builder.op.Mul(a, b)) : undefined;
}

/** The loss, and the inputs that it adds to the batch. */
function lossOf(
  model: Model,
  builder: GraphBuilder,
  { loss, distill }: TrainableOptions,
): { loss: Value; inputs: readonly string[] } {
  if (typeof loss === 'object' && !('name' in loss)) {
    const find = (name: string) => scalarNamed(finder(model), name);
    return { loss: weightedSum(builder, loss.output, find), inputs: [] };
  }
  const [output] = model.graph.outputs;
  if (!output) throw new AutodiffError(`model '${model.graph.name}': expected an output, got none`);
  const { name, ...choices } = typeof loss === 'object' ? loss : { name: loss };
  const { labels, build } = losses[name];
  const targets = {
    labels: builder.input('labels', labels, ['batch']),
    weights: builder.input('weights', 'float32', ['batch']),
  };
  const own = build(builder, output, targets, choices);
  if (!distill) return { loss: own, inputs: ['labels', 'weights'] };
  const { value, inputs } = distillation(
    builder,
    { own, output, weights: targets.weights, find: finder(model) },
    distill,
  );
  return { loss: value, inputs: ['labels', 'weights', ...inputs] };
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

/** Which parameters are masked, which decay and at what rates they learn, after checking the names. */
function membership(
  { masked = [], noDecay = isSpared, rates = {} }: TrainableOptions,
  parameters: ReadonlyMap<string, Value>,
) {
  const names = [...parameters.keys()];
  const unknown = masked.find((name) => !parameters.has(name));
  if (unknown) throw new AutodiffError(`masked: expected names of trained parameters, got '${unknown}'`);
  const maskedNames = new Set(masked);
  const spared = selector('noDecay', noDecay, names);
  return {
    isMasked: (name: string) => maskedNames.has(name),
    isDecayed: (name: string, dims: readonly number[]) => !spared(name, dims),
    rateOf: rateFactor(rates, names),
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

const slotInputs = (builder: GraphBuilder, stack: ParameterStack): Record<string, Value> =>
  Object.fromEntries(
    stack.slots.flatMap((slot) =>
      slot === 'w' ? [] : [[slot, builder.input(slotInput(stack, slot), 'float32', stackDims(stack))]],
    ),
  );

/** The optimizer, and after it zeros for weights (and their averages) that are zero before the step in masked stacks. */
function masking(inner: Optimizer, stacks: readonly ParameterStack[]): Optimizer {
  const held = ['w', ...Object.keys(inner.init.slots).filter((slot) => inner.init.slots[slot] === 'weights')];
  return {
    ...inner,
    update: (context) => {
      const { op } = context;
      const update = inner.update(context);
      const made = update.stacks.map((values, i) => {
        if (!stacks[i]?.masked) return values;
        const isZero = op.Equal(context.stacks[i]?.w as Value, 0);
        return {
          ...values,
          ...Object.fromEntries(held.map((slot) => [slot, op.Where(isZero, 0, values[slot] as Value)])),
        };
      });
      return { ...update, stacks: made };
    },
  };
}

/** What one step of the optimizer reads. */
interface StepParts {
  readonly stacks: readonly ParameterStack[];
  readonly contexts: readonly StackContext[];
  readonly scalars: Readonly<Record<string, Value>>;
  readonly variables: Readonly<Record<string, Value>>;
  readonly loss: Value;
}

/** One optimizer step: slots and variables as inputs, their successors and the results as outputs; returns the results' names. */
function step(builder: GraphBuilder, parts: StepParts, optimizer: Optimizer): readonly string[] {
  const { stacks, contexts, scalars, variables, loss } = parts;
  const context = withNorm({ builder, op: builder.op, stacks: contexts, scalars, variables, loss });
  const update = optimizer.update(context);
  for (const [i, stack] of stacks.entries())
    for (const slot of stack.slots) {
      const value = update.stacks[i]?.[slot];
      if (!value) throw new AutodiffError(`optimizer: expected it to make '${slot}' of every stack, got none`);
      builder.output(value, slotOutput(stack, slot));
    }
  for (const name of Object.keys(variables)) builder.output(update.variables?.[name] as Value, variableOutput(name));
  for (const name of optimizer.results ?? []) builder.output(update.results?.[name] as Value, name);
  return optimizer.results ?? [];
}

/** The batch: the model's own inputs, then what the loss compares with; a further axis of known extent is a row's or token's width. */
function batchInputs(inputs: readonly Value[], names: readonly string[]): StepSignature['batch'] {
  return inputs
    .filter((v) => names.includes(v.name))
    .map(({ name, dtype, shape = [] }) => {
      const last = shape.at(-1);
      const width = name.startsWith(TEACHER) && typeof last === 'number' ? last : undefined;
      const rank = shape.length - (width === undefined ? 0 : 1);
      if ((dtype === 'int64' || dtype === 'int32' || dtype === 'float32') && (rank === 1 || rank === 2))
        return { name, dtype, rank, ...(width === undefined ? {} : { width }) };
      throw new AutodiffError(
        `input '${name}': expected int64, int32 or float32 with 1 or 2 axes, got ${dtype} [${shape}]`,
      );
    });
}
