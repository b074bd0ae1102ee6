import { z } from 'zod';
import { EvaluateError } from './error.js';
import type { Task } from './tasks.js';

/** The part of a model's `config.json` that names its outputs. */
const LabelConfig = z.looseObject({ id2label: z.record(z.string().regex(/^\d+$/), z.string()).nullish() });

// Authors write 'Not Equivalent', 'not-equivalent' or 'not_equivalent' for one class.
const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');

const isGeneric = (name: string, index: number): boolean =>
  ['label_', ''].some((prefix) => plain(name) === `${prefix}${index}`);

/**
 * Refuses a model whose class names, or their order, are not the task's: its logits would be scored as other classes. Names
 * that say nothing (`LABEL_0`, `0`, or none at all) pass, and so does any name of a regression's one output.
 * @param config the model's `config.json`, parsed
 * @param subject the model, for the message
 */
export function checkLabels(task: Task, config: unknown, subject: string): void {
  const parsed = LabelConfig.safeParse(config);
  if (!parsed.success) {
    throw new EvaluateError(
      'input',
      `${subject}: expected id2label as names by index, got ${z.prettifyError(parsed.error)} (config.json)`,
    );
  }
  const id2label = parsed.data.id2label ?? {};
  const names = Object.keys(id2label)
    .sort((a, b) => Number(a) - Number(b))
    .map((index) => id2label[index]!);
  const expected = task.labels === 'score' ? ['score'] : task.labels;
  if (names.length === 0 || agrees(names, expected, task.labels === 'score')) return;
  const sameSet = names.map(plain).sort().join() === [...expected].sort().join();
  const advice = sameSet ? 'put its classes in that order' : `use a model trained for ${task.name}`;
  throw new EvaluateError(
    'input',
    `${subject}: expected the labels ${expected.join(', ')} of ${task.name}, got ${names.join(', ')} (config.json, id2label); ${advice}`,
  );
}

function agrees(names: readonly string[], expected: readonly string[], anyName: boolean): boolean {
  if (names.length !== expected.length) return false;
  return anyName || names.every(isGeneric) || names.every((name, i) => plain(name) === expected[i]);
}
