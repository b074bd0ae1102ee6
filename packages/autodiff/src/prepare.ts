import {
  cloneModel,
  decompose,
  foldConstants,
  inferModel,
  inlineFunctions,
  lift,
  type Model,
  type Value,
} from '@neuroprune/onnx';

/**
 * A copy to be differentiated, in operator set 23, functions and fused operators written out, every type worked out: a
 * model read from a file has `Constant` nodes where rules want constants, and values without shapes. What the gradients
 * are taken by is not folded away.
 */
export function prepared(model: Model, isVariable: (value: Value) => boolean): Model {
  const copy = cloneModel(model);
  // Inlined first where that can be, so that `lift` sees the types inside; functions of other sets are inlined after it.
  inlineFunctions(copy);
  lift(copy);
  inlineFunctions(copy);
  inferModel(copy);
  const held = copy.graph.initializers.filter(isVariable).map((value) => ({ value, tensor: value.tensor }));
  for (const { value } of held) value.tensor = undefined;
  foldConstants(copy);
  if (decompose(copy).modified) foldConstants(copy);
  for (const { value, tensor } of held) value.tensor = tensor;
  return copy;
}
