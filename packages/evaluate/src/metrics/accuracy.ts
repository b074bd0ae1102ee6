import { pairCount, type Values } from './pairs.js';

/** Share of equal labels, correct / n, in 0…1, higher is better; NaN without examples (scikit-learn `accuracy_score`). */
export function accuracy(predictions: Values, references: Values): { accuracy: number } {
  const examples = pairCount('accuracy', predictions, references);
  let correct = 0;
  for (let i = 0; i < examples; i++) if (predictions[i] === references[i]) correct++;
  return { accuracy: correct / examples };
}
