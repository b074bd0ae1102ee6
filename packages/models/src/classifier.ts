import type { Value } from '@neuroprune/onnx';
import { type Activation, activations } from './layers.js';
import type { Params } from './params.js';

/** Sizes and rates of a head that maps each sentence's first token twice. */
export interface ClassifierSizes {
  /** Dimensions of a token. */
  readonly width: number;
  /** Columns of the logits. */
  readonly labels: number;
  /** Between the two maps. */
  readonly activation: Activation;
  /** Share that training drops before either map. */
  readonly dropout: number;
}

/** Logits by a map, its activation and a second map (transformers `RobertaClassificationHead`). [B, D] → [B, labels] */
export function classifier(
  p: Params,
  first: Value,
  { width, labels, activation, dropout }: ClassifierSizes,
  path = 'classifier',
): Value {
  const dropped = (x: Value) => p.op.Dropout(x, dropout);
  const mixed = activations[activation](p.op, p.at(`${path}.dense`).linear(dropped(first), width));
  return p.at(`${path}.out_proj`).linear(dropped(mixed), labels);
}
