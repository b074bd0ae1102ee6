import type { Prediction, Task } from '@neuroprune/evaluate';

/** Standard errors below chance at which an accuracy is taken for more than bad luck: one model in a thousand. */
const ERRORS = 3;
/** Classes that a message names. */
const MOST_NAMED = 6;

/**
 * A warning where a classifier is right less often than chance and than a model that always says the rarest class, by
 * more than the sample explains: that takes a model that knows the classes and has them in another order.
 */
export function belowChance(
  { name, labels }: Pick<Task, 'name' | 'labels'>,
  predictions: readonly Pick<Prediction, 'label' | 'prediction'>[],
  config: unknown,
): string | undefined {
  if (labels === 'score') return undefined;
  const rows = predictions.filter(({ label }) => !Number.isNaN(label));
  const share = (holds: (row: (typeof rows)[number]) => boolean) => rows.filter(holds).length / rows.length;
  const rarest = Math.min(...labels.map((_, i) => share(({ label }) => label === i)));
  const floor = Math.min(1 / labels.length, rarest);
  const accuracy = share(({ label, prediction }) => label === prediction);
  const margin = ERRORS * Math.sqrt((floor * (1 - floor)) / rows.length);
  if (!(accuracy < floor - margin)) return undefined;
  return `${name}: expected an accuracy of at least ${percent(floor)}, which chance reaches, got ${percent(accuracy)} of ${rows.length} rows; the classes seem to be in another order: the rows have ${order(labels)}, the model's id2label says ${order(namesOf(config))}`;
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** `0 negative, 1 positive`. */
function order(names: readonly string[] | undefined): string {
  if (names === undefined) return 'nothing';
  const shown = names.slice(0, MOST_NAMED).map((name, i) => `${i} ${name}`);
  return [...shown, ...(names.length > MOST_NAMED ? ['…'] : [])].join(', ');
}

/** Class names in a model's configuration, by index. */
function namesOf(config: unknown): string[] | undefined {
  const table = typeof config === 'object' && config !== null && 'id2label' in config ? config.id2label : undefined;
  if (typeof table !== 'object' || table === null) return undefined;
  return Object.entries(table)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => String(name));
}
