import { cloneModel, foldConstants, inferModel, type Model, type Value } from '@neuroprune/onnx';

/**
 * A copy to be differentiated, every type worked out: a model read from a file has `Constant` nodes where rules want
 * constants, and values without shapes. What the gradients are taken by is not folded away.
 */
export function prepared(model: Model, isVariable: (value: Value) => boolean): Model {
  const copy = inferModel(cloneModel(model));
  const held = copy.graph.initializers.filter(isVariable).map((value) => ({ value, tensor: value.tensor }));
  for (const { value } of held) value.tensor = undefined;
  foldConstants(copy);
  for (const { value, tensor } of held) value.tensor = tensor;
  return copy;
}
