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
 * The task with its classes in the order of a model's `id2label`, mapped by name, so that logits are scored and trained as
 * what they mean. Names that say nothing (`LABEL_0`, `0`, or none at all) leave the task as it is, and so does any name
 * of a regression's one output.
 * @param config the model's `config.json`, parsed
 * @param subject the model, for the message
 * @throws EvaluateError (`input`), with both lists, where the names are not the task's
 */
export function alignLabels(task: Task, config: unknown, subject: string): Task {
  const names = namesOf(config, subject);
  if (names.length === 0) return task;
  const bad = (expected: readonly string[]): EvaluateError =>
    new EvaluateError(
      'input',
      `${subject}: expected the labels ${expected.join(', ')} of ${task.name}, got ${names.join(', ')} (config.json, id2label); use a model trained for ${task.name}; a training takes one without a head too`,
    );
  if (task.labels === 'score') {
    if (names.length === 1) return task;
    throw bad(['score']);
  }
  const { labels } = task;
  if (names.every(isGeneric) || (task.labelsSeen && labels.every(isGeneric))) {
    const fits = names.length === labels.length || (task.labelsSeen && names.length > labels.length);
    if (!fits) throw bad(labels);
    return names.length === labels.length ? task : widened(task, names);
  }
  const index = new Map(names.map((name, i) => [plain(name), i]));
  const known = labels.every((label) => index.has(plain(label))) && index.size === names.length;
  if (!known || (names.length !== labels.length && !task.labelsSeen)) throw bad(labels);
  return reordered(task, labels, names, index);
}

/** Classes by number, of which the data show only some. */
const widened = (task: Task, names: readonly string[]): Task => ({
  ...task,
  labels: names,
  classes: Object.fromEntries(names.map((_, i) => [String(i), i])),
});

function reordered(
  task: Task,
  labels: readonly string[],
  names: readonly string[],
  index: ReadonlyMap<string, number>,
): Task {
  if (names.length === labels.length && labels.every((label, i) => index.get(plain(label)) === i)) return task;
  const place = labels.map((label) => index.get(plain(label))!);
  const before = task.classes ?? bothForms(labels);
  const classes = Object.fromEntries(Object.entries(before).map(([text, i]) => [text, place[i]!]));
  const ordered = names.map((name) => labels.find((label) => plain(label) === plain(name)) ?? name);
  return { ...task, labels: ordered, classes };
}

/** A class may stand in the data by its index or by its name. */
const bothForms = (labels: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    labels.flatMap((label, i) => [
      [String(i), i],
      [label, i],
    ]),
  );

function namesOf(config: unknown, subject: string): readonly string[] {
  const parsed = LabelConfig.safeParse(config);
  if (!parsed.success) {
    throw new EvaluateError(
      'input',
      `${subject}: expected id2label as names by index, got ${z.prettifyError(parsed.error)} (config.json)`,
    );
  }
  return Object.entries(parsed.data.id2label ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => name);
}
