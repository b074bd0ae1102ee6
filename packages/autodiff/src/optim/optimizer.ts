import type { OpFunctions, Value } from '@neuroprune/onnx';

/** What an optimizer sees of one state tensor; slots and scalars are those it declares. */
export interface UpdateContext<Slot extends string, Scalar extends string> {
  readonly op: OpFunctions;
  readonly w: Value;
  /** Gradient, in the shape of `w`. */
  readonly g: Value;
  readonly slots: Readonly<Record<Slot, Value>>;
  readonly scalars: Readonly<Record<Scalar, Value>>;
  /** Whether weight decay applies. */
  readonly decayed: boolean;
}

/** An optimizer in the graph: a pure expression from state and gradient to the next state. */
export interface Optimizer<Slot extends string = string, Scalar extends string = string> {
  /** State kept beside the weights; zeros at first. */
  readonly slots: readonly Slot[];
  /** Scalar inputs, one number a step each. */
  readonly scalars: readonly Scalar[];
  update(context: UpdateContext<Slot, Scalar>): Readonly<Record<Slot | 'w', Value>>;
}
