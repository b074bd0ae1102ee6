import { classCounts, undefinedScore, type Values, type WeightOptions } from './pairs.js';

/**
 * Matthews correlation of two labelings in any number of classes, in −1…1, higher is better; 0 where either has one class
 * only, NaN without examples. (c·n − Σ tₖpₖ) / √((n² − Σ tₖ²)(n² − Σ pₖ²)), tₖ and pₖ the examples and predictions of class k
 * and c the correct ones: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004); scikit-learn 1.9.1
 * `matthews_corrcoef`. With weights, counts are sums of them.
 */
export function matthewsCorrelation(
  predictions: Values,
  references: Values,
  options: WeightOptions = {},
): { matthews_correlation: number } {
  const counts = classCounts('matthewsCorrelation', predictions, references, options);
  if (counts.size === 0) {
    return { matthews_correlation: undefinedScore('matthewsCorrelation', 'without examples', options) };
  }
  let [n, correct, joint, truth, predicted] = [0, 0, 0, 0, 0];
  for (const count of counts.values()) {
    n += count.truth;
    correct += count.correct;
    joint += count.truth * count.predicted;
    truth += count.truth ** 2;
    predicted += count.predicted ** 2;
  }
  const spread = (n ** 2 - truth) * (n ** 2 - predicted);
  return { matthews_correlation: spread === 0 ? 0 : (correct * n - joint) / Math.sqrt(spread) };
}
