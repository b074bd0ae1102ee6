import {
  allGraphs,
  type Dim,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateDropout,
  eliminateIdentity,
  type Graph,
  GraphBuilder,
  type Model,
  type Node,
  runPasses,
  type StepSignature,
  setStepSignature,
  sortNodes,
  type Value,
} from '@neuroprune/onnx';
import { backward } from './backward.js';
import { gatherCasts } from './casts.js';
import { TEACHER } from './distill.js';
import { replaceDropout } from './dropout.js';
import { AutodiffError, demand } from './errors.js';
import { lossOf, type ObjectiveOptions, objective } from './objective.js';
import { accumulating } from './optim/accumulating.js';
import { adamw } from './optim/adamw.js';
import { gradNorm } from './optim/clip.js';
import { chain, type Optimizer } from './optim/optimizer.js';
import { checkLossScaling, type LossScaling, SCALE, skipping } from './optim/skipping.js';
import { masking, stackContext, writeStep } from './optim/step.js';
import { candidatesOf, trainedParameters } from './parameters.js';
import { lowerPrecision, type Precision, precisions } from './precision.js';
import { prepared } from './prepare.js';
import { joinProducts } from './products.js';
import { isSpared, type Rates, rateFactor, type Selection, selector } from './select.js';
import { type ParameterStack, stacksOf, traitsOf } from './stacks.js';

/** What to minimise, over which parameters, and how. */
export interface TrainableOptions extends ObjectiveOptions {
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
  /** Most dropout masks made as one, 1 by default; more are fewer and larger operators, which GPUs want, and the same bits. */
  readonly masksTogether?: number;
  /** Parameters whose zeros stay zeros. */
  readonly masked?: readonly string[];
  /** Parameters without weight decay; by default norms and biases. */
  readonly noDecay?: Selection;
  /** Factors of the learning rate by pattern, for decay from layer to layer. */
  readonly rates?: Rates;
  /** Most members a stack; 30 by default, 7 where WebGPU allows 8 buffers a shader. */
  readonly stackLimit?: number;
}

/**
 * The step graph of a model: (state, batch, scalars of this step) → (state', loss, terms). Its interface is its
 * `StepSignature`; the first state comes from `initialState`.
 */
export function trainable(model: Model, options: TrainableOptions): Model {
  checkOptions(options);
  const candidates = trainableNames(model, options);
  const copy = prepared(model, ({ name }) => candidates.includes(name));
  const { graph } = copy;
  const builder = new GraphBuilder(graph);
  const generator = replaceDropout(builder, { rate: options.dropout, together: options.masksTogether });
  runPasses(copy, [eliminateDropout]); // what is left has a rate of 0, and would hide what rules look for
  const exact = new Set(generator.nodes);
  const { loss, inputs } = collected(graph, exact, () => lossOf(copy, builder, options));
  const parameters = trainedParameters(graph, loss, candidates, options.wrt !== undefined);
  demand(parameters.size > 0, 'trainable', 'a parameter to train that the loss depends on', 'none');
  const traits = membership(options, parameters);
  const units = joinProducts(builder, [...parameters.values()], (value) => JSON.stringify(traitsOf(value, traits)));
  const { total, terms, coefficients } = collected(graph, exact, () =>
    objective(builder, loss, parameters, options.terms),
  );
  const optimizer = gated(options);
  const scalars = inputsOf(builder, optimizer.scalars);
  const variables = inputsOf(builder, Object.keys(optimizer.init.variables ?? {}));
  const wholes = units.map(({ whole }) => whole);
  const gradients = backward(builder, total, wholes, seed(builder, { ...scalars, ...variables }));
  if (options.precision && options.precision !== 'fp32')
    lowerPrecision(builder, options.precision, { emulated: options.emulatePrecision ?? false, exact });

  const stacks = stacksOf(units, {
    slots: Object.keys(optimizer.init.slots),
    limit: options.stackLimit ?? 30,
    ...traits,
  });
  graph.outputs = [];
  for (const [name, value] of Object.entries({ loss, ...terms })) builder.output(value, name);
  release(graph, parameters);
  const gradientOf = new Map(
    units.map(({ members, whole }, i) => [members[0]?.name ?? '', { whole, gradient: gradients[i] as Value }]),
  );
  const contexts = stacks.map((stack) => stackContext(builder, stack, gradientOf));
  const results = writeStep(builder, { stacks, contexts, scalars, variables, loss }, masking(optimizer, stacks));
  if (options.precision && options.precision !== 'fp32') gatherCasts(copy);
  runPasses(copy, [eliminateIdentity, eliminateDeadCode, eliminateCommonSubexpressions, sortNodes]);
  const idle = removeIdle(graph, Object.values(scalars));
  return setStepSignature(copy, {
    ...stateSignature(stacks, optimizer),
    batch: batchInputs(graph.inputs, [...model.graph.inputs.map((v) => v.name), ...inputs]),
    scalars: [...generator.scalars, ...optimizer.scalars.filter((name) => !idle.includes(name)), ...coefficients],
    results: ['loss', ...Object.keys(terms), ...results],
  });
}

/** What `build` gives; the nodes that it adds to the graph go into `nodes`. */
function collected<T>(graph: Graph, nodes: Set<Node>, build: () => T): T {
  const given = new Set(graph.nodes);
  const built = build();
  for (const node of graph.nodes) if (!given.has(node)) nodes.add(node);
  return built;
}

/** Options that only JavaScript could get wrong, or that would never act. */
function checkOptions(options: TrainableOptions): void {
  const { precision = 'fp32', lossScaling, guard, stackLimit = 30, masksTogether = 1 } = options;
  demand(precisions.includes(precision), 'precision', precisions.join(', '), precision);
  demand(guard === undefined || guard === 'skip', 'guard', "'skip'", guard);
  for (const [name, value] of Object.entries({ stackLimit, masksTogether }))
    demand(Number.isInteger(value) && value > 0, name, 'a whole number from 1', value);
  if (!lossScaling) return;
  demand(precision === 'fp16', 'lossScaling', "the precision 'fp16'", precision);
  checkLossScaling(lossScaling);
}

/** What may be trained: `wrt` or every parameter, without the frozen ones. */
function trainableNames(model: Model, { wrt, frozen = [] }: TrainableOptions): readonly string[] {
  const isFrozen = selector(
    'frozen',
    frozen,
    model.graph.initializers.map((v) => v.name),
  );
  return candidatesOf(model.graph, wrt).filter((name) => !isFrozen(name, dimsOf(model, name)));
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

/** Parameters stop being initializers, and inputs too: older files list initializers there. */
function release(graph: Graph, parameters: ReadonlyMap<string, Value>): void {
  for (const value of parameters.values()) value.tensor = undefined;
  const isFree = (v: Value) => parameters.get(v.name) !== v;
  graph.initializers = graph.initializers.filter(isFree);
  graph.inputs = graph.inputs.filter(isFree);
}

/** Removes scalar inputs that no node reads; returns their names. */
function removeIdle(graph: Graph, scalars: readonly Value[]): readonly string[] {
  const used = new Set(allGraphs(graph).flatMap((g) => g.nodes.flatMap((n) => n.inputs)));
  const idle = scalars.filter((v) => !used.has(v)).map((v) => v.name);
  graph.inputs = graph.inputs.filter((v) => !idle.includes(v.name));
  return idle;
}

/** The signature's part on the state: stacks, slots that start as the weights, variables. */
const stateSignature = (stacks: readonly ParameterStack[], { init }: Optimizer) => ({
  stacks: stacks.map(({ decayed: _, rate: __, run: ___, ...stack }) => stack),
  copies: Object.entries(init.slots).flatMap(([slot, start]) => (start === 'weights' ? [slot] : [])),
  variables: Object.entries(init.variables ?? {}).map(([name, initial]) => ({ name, initial })),
});

/** The name of a sequence that is another than the batch's own. */
const axisOf = (axis: Dim | undefined, main: Dim | undefined): { axis?: string } =>
  typeof axis === 'string' && axis !== main ? { axis } : {};

/** The batch: the model's own inputs, then what the loss compares with; a further axis of known extent is a row's or token's width. */
function batchInputs(all: readonly Value[], names: readonly string[]): StepSignature['batch'] {
  const inputs = all.filter((v) => names.includes(v.name));
  const main = inputs.map(({ shape }) => shape?.[1]).find((axis) => typeof axis === 'string');
  return inputs.map(({ name, dtype, shape = [] }) => {
    const last = shape.at(-1);
    const width = name.startsWith(TEACHER) && typeof last === 'number' ? last : undefined;
    const rank = shape.length - (width === undefined ? 0 : 1);
    if ((dtype === 'int64' || dtype === 'int32' || dtype === 'float32') && (rank === 1 || rank === 2))
      return { name, dtype, rank, ...(width === undefined ? {} : { width }), ...axisOf(shape[1], main) };
    throw new AutodiffError(
      `input '${name}': expected int64, int32 or float32 with 1 or 2 axes, got ${dtype} [${shape}]`,
    );
  });
}
