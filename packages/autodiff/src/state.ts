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

/** State tensors by input name (`<stack>.<slot>`). */
export type State = Map<string, Tensor>;

/** The state before the first step: weights from the model's initializers, everything else zeros. */
export function initialState(model: Model, signature: StepSignature): State {
  const tensors = new Map(model.graph.initializers.map((v) => [v.name, v.tensor]));
  const state: State = new Map();
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
    for (const slot of stack.slots)
      state.set(slotInput(stack, slot), slot === 'w' ? float32(weights, dims) : zeros(dims));
  }
  return state;
}

/** Each parameter by name as a view into the state: what is written there is trained on. */
export function parametersOf(state: ReadonlyMap<string, Tensor>, signature: StepSignature): Map<string, Float32Array> {
  return slotsOf(state, signature, 'w');
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
