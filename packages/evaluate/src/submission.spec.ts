import { expect, it } from 'vitest';
import type { Prediction } from './evaluate.js';
import { alignLabels } from './labels.js';
import { submissionFile } from './submission.js';
import { type Task, tasks } from './tasks.js';

const made = (values: readonly number[]): Prediction[] =>
  values.map((prediction, id) => ({ id: 10 - id, label: Number.NaN, prediction, logits: [prediction] }));

const swapped = (task: Task): Task => {
  const labels = [...(task.labels as readonly string[])].reverse();
  return alignLabels(task, { id2label: Object.fromEntries(labels.map((name, i) => [i, name])) }, 'm');
};

// Names and forms as the leaderboard's sample submission has them.
it.each<[Task, readonly number[], string, readonly string[]]>([
  [tasks.cola, [0, 1], 'CoLA.tsv', ['0', '1']],
  [tasks.sst2, [0, 1], 'SST-2.tsv', ['0', '1']],
  [tasks.mrpc, [1, 0], 'MRPC.tsv', ['1', '0']],
  [tasks.stsb, [2.12345, -0.5, 5.7], 'STS-B.tsv', ['2.123', '0.000', '5.000']],
  [tasks.qqp, [0, 1], 'QQP.tsv', ['0', '1']],
  [tasks.mnli, [0, 1, 2], 'MNLI-m.tsv', ['entailment', 'neutral', 'contradiction']],
  [tasks['mnli-mm'], [2, 0], 'MNLI-mm.tsv', ['contradiction', 'entailment']],
  [tasks.qnli, [0, 1], 'QNLI.tsv', ['entailment', 'not_entailment']],
  [tasks.rte, [1, 0], 'RTE.tsv', ['not_entailment', 'entailment']],
  [tasks.wnli, [0, 1], 'WNLI.tsv', ['0', '1']],
  [tasks.ax, [1], 'AX.tsv', ['neutral']],
  [swapped(tasks.sst2), [0, 1], 'SST-2.tsv', ['1', '0']],
  [swapped(tasks.mnli), [0, 1, 2], 'MNLI-m.tsv', ['contradiction', 'neutral', 'entailment']],
])('%#: $name', (task, predictions, name, words) => {
  const rows = words.map((word, index) => `${index}\t${word}\n`).join('');
  expect(submissionFile(task, made(predictions))).toEqual({ name, text: `index\tprediction\n${rows}` });
});

it('refuses a task of no leaderboard', () => {
  const { submission: _, ...task } = tasks.sst2;
  expect(() => submissionFile({ ...task, name: 'mine' }, [])).toThrow(/^mine: expected a task of GLUE/);
});
