import { EvaluateError } from './error.js';
import type { Prediction } from './evaluate.js';
import { type Task, tasks } from './tasks.js';

/** A file of a submission to the GLUE leaderboard. */
export interface SubmissionFile {
  readonly name: string;
  readonly text: string;
}

/** Scores of STS-B lie between these. */
const [LOWEST, HIGHEST] = [0, 5];

/**
 * The file of a task for the GLUE leaderboard (https://gluebenchmark.com/faq): `index` and `prediction`, with names of classes
 * where it wants them, indices of the data set's classes elsewhere, and scores to three digits.
 * @param task with its classes in the model's order, as the predictions have them
 * @throws EvaluateError (`input`) for a task the leaderboard does not have
 */
export function submissionFile(task: Task, predictions: readonly Prediction[]): SubmissionFile {
  if (task.submission === undefined) {
    throw new EvaluateError('input', `${task.name}: expected a task of GLUE for a submission, got another`);
  }
  const lines = predictions.map(({ prediction }, index) => `${index}\t${wordOf(task, prediction)}\n`);
  return { name: task.submission.file, text: `index\tprediction\n${lines.join('')}` };
}

function wordOf({ name, labels, submission }: Task, prediction: number): string {
  if (labels === 'score') return Math.min(HIGHEST, Math.max(LOWEST, prediction)).toFixed(3);
  const label = labels[prediction] ?? '';
  if (submission?.labels === 'names') return label;
  const known = tasks[name as keyof typeof tasks].labels;
  return String(known.indexOf(label as never));
}
