import {
  float32,
  type Model,
  type StepSignature,
  sizeOf,
  slotInput,
  stackDims,
  type Tensor,
  zeros,
} from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';

/** State tensors by input name (`<stack>.<slot>`, or a variable's name). */
export type State = Map<string, Tensor>;

/** The state before the first step: weights and copies of them from the model's initializers, variables as the signature says, everything else zeros. */
export function initialState(model: Model, signature: StepSignature): State {
  const tensors = new Map(model.graph.initializers.map((v) => [v.name, v.tensor]));
  const state: State = new Map();
  const first = (slot: string, weights: Float32Array, dims: readonly number[]) => {
    if (slot === 'w') return float32(weights, dims);
    return signature.copies.includes(slot) ? float32(weights.slice(), dims) : zeros(dims);
  };
  for (const stack of signature.stacks) {
    const dims = stackDims(stack);
    const weights = new Float32Array(sizeOf(dims));
    stack.members.forEach((name, i) => {
      const tensor = tensors.get(name);
      const size = sizeOf(stack.shape);
      if (tensor?.dtype !== 'float32' || tensor.data.length !== size) {
        throw new AutodiffError(
          `model '${model.graph.name}': expected '${name}' float32 [${stack.shape}], got none such`,
        );
      }
      weights.set(tensor.data as Float32Array, i * size);
    });
    for (const slot of stack.slots) state.set(slotInput(stack, slot), first(slot, weights, dims));
  }
  for (const { name, initial } of signature.variables) state.set(name, float32([initial], []));
  return state;
}

/** Each parameter by name as a view into the state: what is written there is trained on. With `'ema'`, its moving average. */
export function parametersOf(
  state: ReadonlyMap<string, Tensor>,
  signature: StepSignature,
  slot: 'w' | 'ema' = 'w',
): Map<string, Float32Array> {
  return slotsOf(state, signature, slot);
}

/** One slot (`w`, `m`, …) of each parameter by name, as views into the state. */
export function slotsOf(
  state: ReadonlyMap<string, Tensor>,
  signature: StepSignature,
  slot: string,
): Map<string, Float32Array> {
  return new Map(
    signature.stacks.flatMap((stack) => {
      const data = state.get(slotInput(stack, slot))?.data;
      if (!(data instanceof Float32Array))
        throw new AutodiffError(`state: expected '${slotInput(stack, slot)}', got none`);
      const size = sizeOf(stack.shape);
      return stack.members.map((name, i) => [name, data.subarray(i * size, (i + 1) * size)] as const);
    }),
  );
}
