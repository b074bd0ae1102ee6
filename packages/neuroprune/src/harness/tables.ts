import { metricFacts } from '@neuroprune/evaluate';
import type { TableFormat } from '../schema/evaluate.js';
import { table } from '../verbs/table.js';
import type { Latency } from './latency.js';
import type { Evaluated, Scored } from './result.js';

type Cells = readonly (readonly string[])[];

const digits = (value: number): string => value.toFixed(4);

/** Half the width of a metric's interval, as `± 0.0123`. */
function margin({ intervals }: Scored, metric: string): string {
  const found = intervals[metric];
  return found === undefined || Number.isNaN(found.low) ? '' : ` ± ${digits((found.high - found.low) / 2)}`;
}

/** A line a model, task and metric; a row without labels has a line without a value. */
function lines({ evaluation }: Evaluated): Cells {
  const rows = evaluation.flatMap((row) => {
    const rest = [row.split, String(row.examples)];
    const values = Object.entries(row.metrics).map(([metric, value]) => [
      row.model,
      row.task,
      metric,
      `${digits(value)}${margin(row, metric)}`,
      ...rest,
    ]);
    return values.length > 0 ? values : [[row.model, row.task, 'no labels', '–', ...rest]];
  });
  return [['model', 'task', 'metric', 'value', 'split', 'examples'], ...rows];
}

/** The chance of a difference from the first model, as `(p 0.012)`. */
const chance = ({ paired }: Scored, metric: string): string => {
  const found = paired?.[metric];
  return found === undefined ? '' : ` (p ${found.pValue.toPrecision(2)})`;
};

/** Keys of metrics whose lower values are better. */
const lowerIsBetter: ReadonlySet<string> = new Set(
  Object.values(metricFacts).flatMap(({ direction, keys }) => (direction === 'lower' ? keys : [])),
);

/** Models side by side: a line a task and metric, a column a model, the best value marked by `*`. */
function compared({ evaluation, models }: Evaluated): Cells {
  const keys = evaluation.flatMap((row) => Object.keys(row.metrics).map((metric) => [row.task, metric] as const));
  const unique = [...new Map(keys.map((key) => [key.join(' '), key])).values()];
  const rows = unique.map(([task, metric]) => {
    const of = models.map((model) => evaluation.find((row) => row.model === model && row.task === task));
    const values = of.map((row) => row?.metrics[metric] ?? Number.NaN);
    const known = values.filter((value) => !Number.isNaN(value));
    const best = lowerIsBetter.has(metric) ? Math.min(...known) : Math.max(...known);
    const cell = (row: Scored | undefined, i: number): string => {
      if (row === undefined || !(metric in row.metrics)) return '–';
      return `${digits(values[i]!)}${margin(row, metric)}${values[i] === best ? '*' : ''}${chance(row, metric)}`;
    };
    const examples = of.find((row) => row !== undefined)?.examples ?? 0;
    return [task, metric, ...of.map(cell), String(examples)];
  });
  return [['task', 'metric', ...models, 'examples'], ...rows];
}

const milliseconds = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(1));

function latencyLines(latency: readonly Latency[]): Cells {
  const writes = latency.some(({ newTokens }) => newTokens !== undefined);
  const rows = latency.map((row) => [
    row.model,
    row.device,
    String(row.batch),
    String(row.length),
    milliseconds(row.medianMs),
    row.spreadMs.map(milliseconds).join(' / '),
    perSecond(row.rowsPerSecond),
    ...(writes ? [row.tokensPerSecond === undefined ? '–' : perSecond(row.tokensPerSecond)] : []),
    String(row.repeats),
  ]);
  const rates = ['rows/s', ...(writes ? ['new tokens/s'] : [])];
  return [['model', 'device', 'batch', 'length', 'ms', 'min / q1 / q3 / max', ...rates, 'repeats'], ...rows];
}

const perSecond = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

/** How texts were written, a line a model and task, and how many tokens that took. */
function generationLines(evaluation: readonly Scored[]): Cells {
  const rows = evaluation.flatMap(({ model, task, examples, generation }) => {
    if (generation === undefined) return [];
    const { generator, numBeams, maxNewTokens, newTokens } = generation;
    const search = numBeams > 1 ? `${numBeams} beams` : 'greedy';
    return [
      [
        model,
        task,
        generator,
        search,
        String(maxNewTokens ?? '–'),
        String(newTokens),
        (newTokens / examples).toFixed(1),
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [['model', 'task', 'written by', 'search', 'tokens at most', 'new tokens', 'a row'], ...rows];
}

/** How metrics were computed, a line for all tasks that do it alike. */
function signatureLines(evaluation: readonly Scored[]): Cells {
  const tasks = new Map<string, Set<string>>();
  for (const { task, signatures } of evaluation) {
    for (const line of Object.entries(signatures)) {
      const key = line.join('\n');
      tasks.set(key, (tasks.get(key) ?? new Set()).add(task));
    }
  }
  if (tasks.size === 0) return [];
  return [
    ['task', 'metric', 'signature'],
    ...[...tasks].map(([line, of]) => [[...of].join(', '), ...line.split('\n')]),
  ];
}

/** Names of metrics by the keys of their values: `spearmanr` is of `spearman`. */
const metricOf: ReadonlyMap<string, string> = new Map(
  Object.entries(metricFacts).flatMap(([name, { keys }]) => keys.map((key) => [key, name])),
);

const escaped = (cell: string): string => cell.replaceAll('|', '\\|');

function markdown(cells: Cells): string {
  const [head = [], ...rows] = cells;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.map(escaped).join(' | ')} |`).join('\n');
}

const field = (value: unknown): string => {
  const text = value === undefined ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A line a model, task and metric, with all digits, then a line a measurement of its time (RFC 4180). */
function csv({ evaluation, latency = [] }: Evaluated): string {
  const head = ['model', 'task', 'version', 'split', 'examples', 'metric', 'value', 'low', 'high', 'signature'];
  const scores = evaluation.flatMap((row) =>
    Object.entries(row.metrics).map(([metric, value]) => {
      const { low, high } = row.intervals[metric] ?? {};
      const signature = row.signatures[metricOf.get(metric) ?? metric];
      return [row.model, row.task, row.version, row.split, row.examples, metric, value, low, high, signature];
    }),
  );
  const tokens = evaluation.flatMap((row) => {
    const count = row.generation?.newTokens ?? row.tokens;
    return count === undefined ? [] : [[row.model, row.task, row.version, row.split, row.examples, 'tokens', count]];
  });
  const times = latency.flatMap((row) => {
    const [lowest, , , highest] = row.spreadMs;
    const what = [row.model, `${row.device} batch ${row.batch} length ${row.length}`, '', '', row.repeats];
    return [
      [...what, 'milliseconds', row.medianMs, lowest, highest],
      [...what, 'rows a second', row.rowsPerSecond],
      ...(row.tokensPerSecond === undefined ? [] : [[...what, 'tokens a second', row.tokensPerSecond]]),
    ];
  });
  const line = (row: readonly unknown[]): string => head.map((_, i) => field(row[i])).join(',');
  return [head, ...scores, ...tokens, ...times].map(line).join('\r\n');
}

const joined = (result: Evaluated, form: (cells: Cells) => string): string =>
  [
    result.models.length > 1 ? compared(result) : lines(result),
    generationLines(result.evaluation),
    signatureLines(result.evaluation),
    result.latency ? latencyLines(result.latency) : [],
  ]
    .filter((cells) => cells.length > 0)
    .map(form)
    .join('\n\n');

const forms = {
  table: (result) => joined(result, table),
  markdown: (result) => joined(result, markdown),
  csv,
  json: (result) => JSON.stringify(result, null, 2),
} satisfies Record<TableFormat, (result: Evaluated) => string>;

/** The result in one of the forms; without a line break at its end. */
export const rendered = (result: Evaluated, format: TableFormat): string => forms[format](result);
