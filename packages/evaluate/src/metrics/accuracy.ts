import { pairCount, undefinedScore, type Values, type WeightOptions, weightOf } from './pairs.js';

/** Options of `accuracy`, those of scikit-learn's `accuracy_score`. */
export interface AccuracyOptions extends WeightOptions {
  /** False counts correct examples instead of their share; true by default. */
  readonly normalize?: boolean;
}

/**
 * Share of equal labels, Σ wᵢ[predictionᵢ = referenceᵢ] / Σ wᵢ, in 0…1, higher is better; NaN without examples.
 * Source: scikit-learn 1.9.1 `accuracy_score`.
 */
export function accuracy(predictions: Values, references: Values, options: AccuracyOptions = {}): { accuracy: number } {
  const examples = pairCount('accuracy', predictions, references);
  if (examples === 0) return { accuracy: undefinedScore('accuracy', 'without examples', options) };
  const weight = weightOf('accuracy', examples, options.sampleWeight);
  let [correct, total] = [0, 0];
  for (let i = 0; i < examples; i++) {
    if (predictions[i] === references[i]) correct += weight(i);
    total += weight(i);
  }
  return { accuracy: options.normalize === false ? correct : correct / total };
}
