/**
 * What a training step graph offers to whoever runs it: one graph = one optimizer step,
 * (state, batch, scalars) → (state', results). Carried in the model's metadata.
 */
import { OnnxError } from './errors.js';
import type { Model } from './model.js';

/** Same-shaped parameters stacked into one state tensor [members.length, ...shape] ([...shape] for a single member). */
export interface Stack {
  /** Key of the stack; its tensors are the inputs `<name>.<slot>` and the outputs `<name>.<slot>.next`. */
  readonly name: string;
  /** Parameter names (Hugging Face), in order along the first axis. */
  readonly members: readonly string[];
  /** Shape of one member. */
  readonly shape: readonly number[];
  /** State tensors kept for the stack: `w`, and what the optimizer needs (`m`, `v` for AdamW). */
  readonly slots: readonly string[];
  /** True where a weight that is exactly zero stays zero. */
  readonly masked: boolean;
}

/** A float32 scalar that is carried from step to step beside the parameters: input `<name>`, output `<name>.next`. */
export interface Variable {
  readonly name: string;
  /** Its value before the first step. */
  readonly initial: number;
}

/** The interface of a step graph. */
export interface StepSignature {
  readonly stacks: readonly Stack[];
  /** Slots that start as copies of the weights (averages of them); every other one but `w` starts as zeros. */
  readonly copies: readonly string[];
  /** Scalars of the state: the loss scale, what bias corrections count. */
  readonly variables: readonly Variable[];
  /**
   * Inputs that carry the batch: rank 2 is [batch, sequence], rank 1 is [batch]; with `width` a further axis of that extent
   * follows. `axis` names the sequence where it is another than that of the first such input.
   */
  readonly batch: readonly {
    readonly name: string;
    readonly dtype: 'int64' | 'int32' | 'float32';
    readonly rank: 1 | 2;
    readonly width?: number;
    readonly axis?: string;
  }[];
  /** Scalar float32 inputs, one number a step (learning rate, α, …). */
  readonly scalars: readonly string[];
  /** Scalar float32 outputs, one number a step (loss, penalties, …). */
  readonly results: readonly string[];
}

const KEY = 'neuroprune.step';

/** Input name of a stack's slot. */
export const slotInput = (stack: Stack, slot: string): string => `${stack.name}.${slot}`;

/** Output name of a stack's slot. */
export const slotOutput = (stack: Stack, slot: string): string => `${stack.name}.${slot}.next`;

/** Shape of a stack's state tensors. */
export const stackDims = (stack: Stack): readonly number[] =>
  stack.members.length > 1 ? [stack.members.length, ...stack.shape] : stack.shape;

/** One tensor of a step graph's state: the input that takes it, the output that gives its successor, its shape. */
export interface StateTensor {
  readonly input: string;
  readonly output: string;
  readonly dims: readonly number[];
}

/** The whole state of a step graph: every slot of every stack, then the variables. */
export const stateOf = ({ stacks, variables }: StepSignature): readonly StateTensor[] => [
  ...stacks.flatMap((stack) =>
    stack.slots.map((slot) => ({
      input: slotInput(stack, slot),
      output: slotOutput(stack, slot),
      dims: stackDims(stack),
    })),
  ),
  ...variables.map(({ name }) => ({ input: name, output: variableOutput(name), dims: [] })),
];

/** Output name of a variable. */
export const variableOutput = (name: string): string => `${name}.next`;

/** Writes the signature into the model's metadata. */
export function setStepSignature(model: Model, signature: StepSignature): Model {
  model.metadata[KEY] = JSON.stringify(signature);
  return model;
}

/** Reads the signature; throws when the model is no step graph. */
export function stepSignature(model: Model): StepSignature {
  const text = model.metadata[KEY];
  if (!text)
    throw new OnnxError(
      `model '${model.graph.name}': expected a step graph, got one without ${KEY}; make one with trainable()`,
    );
  return { copies: [], variables: [], ...(JSON.parse(text) as Omit<StepSignature, 'copies' | 'variables'>) };
}
