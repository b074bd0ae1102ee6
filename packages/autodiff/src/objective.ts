/** What is minimised: the loss, what a teacher adds to it, and further terms. */
import type { GraphBuilder, Model, OpFunctions, Value } from '@neuroprune/onnx';
import { type DistillOptions, distillation } from './distill.js';
import { AutodiffError, demand } from './errors.js';
import { finder, type GradientOptions, weightedSum } from './gradients.js';
import { type CrossEntropyOptions, type Loss, losses, lossInputs } from './loss.js';

/** Further terms of the objective by name: scalars made from the parameters (by name), each with a coefficient input. */
export type Terms = (
  op: OpFunctions,
  parameters: ReadonlyMap<string, Value>,
  builder: GraphBuilder,
) => Readonly<Record<string, Value>>;

/** What to minimise. */
export interface ObjectiveOptions {
  /**
   * A loss over the model's first output and the inputs `labels` and `weights`, by name or with choices of its own; or a
   * scalar output that is one; several outputs are added up, with their weights where they are given.
   */
  readonly loss:
    | keyof typeof losses
    | ({ readonly name: 'crossEntropy' | 'tokenCrossEntropy' | 'nextTokenCrossEntropy' } & CrossEntropyOptions)
    | { readonly output: GradientOptions['of'] };
  /** What a teacher's outputs, part of the batch, add to the loss. */
  readonly distill?: DistillOptions;
  /** Further terms, each weighed by an input of its own. */
  readonly terms?: Terms;
}

/** Name of the scalar input that weighs a term. */
export const coefficientInput = (term: string): string => `${term}.coefficient`;

/** The loss, and the inputs that it adds to the batch. */
export function lossOf(
  model: Model,
  builder: GraphBuilder,
  { loss, distill }: ObjectiveOptions,
): { loss: Value; inputs: readonly string[] } {
  if (typeof loss === 'object' && !('name' in loss)) {
    demand(!distill, 'distill', 'a loss by name, whose rows it weighs', 'an output');
    const find = (name: string) => scalarNamed(finder(model), name);
    return { loss: weightedSum(builder, loss.output, find), inputs: [] };
  }
  const [output] = model.graph.outputs;
  if (!output) throw new AutodiffError(`model '${model.graph.name}': expected an output, got none`);
  const { name, ...choices } = typeof loss === 'object' ? loss : { name: loss };
  demand(Object.hasOwn(losses, name), 'loss', Object.keys(losses).join(', '), name);
  const chosen: Loss = losses[name];
  const targets = lossInputs(builder, chosen, output);
  const own = chosen.build(builder, output, targets, choices);
  if (!distill) return { loss: own, inputs: ['labels', 'weights'] };
  const { value, inputs } = distillation(
    builder,
    { own, output, weights: targets.weights, counts: () => chosen.counts?.(builder, targets), find: finder(model) },
    distill,
  );
  return { loss: value, inputs: ['labels', 'weights', ...inputs] };
}

/** loss + Σ coefficient·term. */
export function objective(
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

function scalarNamed(find: (name: string) => Value, name: string): Value {
  const value = find(name);
  if (value.shape?.length !== 0)
    throw new AutodiffError(`loss: expected a scalar output, got '${name}' [${value.shape}]`);
  return value;
}
