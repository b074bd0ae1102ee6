import { type Block, type Inline, table } from './document.js';
import * as format from './format.js';
import type { RunResult } from './run-result.js';

/** A target is met within a tenth of a point. */
const TOLERANCE = 0.001;

/** What was asked and what was reached. */
export function askedTable({ sparsity, heads }: RunResult): Block {
  const met = Math.abs(sparsity.reached - sparsity.requested) <= TOLERANCE;
  const requested = heads.requested;
  return table(
    ['target', 'asked', 'reached', 'met'],
    [
      [
        'zeros in the prunable matrices',
        format.percent(sparsity.requested, 2),
        format.percent(sparsity.reached, 2),
        met ? 'yes' : 'no',
      ],
      [
        `heads of ${format.integer(heads.total)}`,
        requested === undefined ? '–' : format.integer(requested),
        format.integer(heads.kept),
        requested === undefined ? '–' : requested === heads.kept ? 'yes' : 'no',
      ],
    ],
  );
}

/** The three numbers that belong together: zeros, parameters physically gone, and bytes with latency. */
export function sizeTable({ sparsity, parameters, bytes, latency }: RunResult): Block {
  const rows: Inline[][] = [
    ['share of zeros (prunable matrices)', '–', format.percent(sparsity.reached), '–'],
    sizeRow('parameters of the whole model', parameters, format.integer),
    sizeRow('bytes of the ONNX file', bytes, format.bytes),
    ...latency.map((l): Inline[] => [
      `latency, ${l.device}, batch ${l.batch} × ${l.length} (${l.repeats} repeats)`,
      format.milliseconds(l.denseMs),
      format.milliseconds(l.compactMs),
      `${(l.denseMs / l.compactMs).toFixed(2)}× as fast`,
    ]),
  ];
  return table(['', 'dense', 'compact', 'change'], rows);
}

function sizeRow(name: string, { dense, compact }: RunResult['bytes'], show: (n: number) => string): Inline[] {
  const gone = dense === 0 ? 0 : 1 - compact / dense;
  return [name, show(dense), show(compact), `${format.percent(Math.abs(gone))} ${gone < 0 ? 'more' : 'gone'}`];
}

/** Why zeros alone are no speed. */
export function zerosNote({ parameters }: RunResult): string {
  const gone = Math.max(0, parameters.dense - parameters.compact);
  return `Zeros that stay inside a matrix give no speed: ONNX Runtime computes with them as with any other number. Only what was cut out of the graph (here ${format.integer(gone)} parameters) makes the file smaller and the model faster.`;
}

/** Metrics of each task, beside the dense model's where it was trained too. */
export function metricsTable({ evaluation }: RunResult): Block {
  const withDense = evaluation.some((e) => e.dense !== undefined);
  const rows = evaluation.flatMap((e) =>
    Object.entries(e.metrics).map(([name, value]): Inline[] => {
      const dense = e.dense?.[name];
      const compared = dense === undefined ? ['–', '–'] : [format.metric(dense), format.difference(value - dense)];
      return [
        `${e.task} ${e.split} (${format.integer(e.examples)})`,
        name,
        format.metric(value),
        ...(withDense ? compared : []),
      ];
    }),
  );
  return table(['task, split (examples)', 'metric', 'sparse', ...(withDense ? ['dense', 'difference'] : [])], rows);
}

/** How each metric was computed; nothing in early files. */
export function signaturesTable({ evaluation }: RunResult): Block[] {
  const rows = evaluation.flatMap(({ task, signatures = {} }) =>
    Object.entries(signatures).map(([metric, signature]): Inline[] => [task, metric, signature]),
  );
  return rows.length === 0 ? [] : [table(['task', 'metric', 'signature'], rows)];
}

/** Sizes and metrics of the ONNX files in each precision, float32 first; nothing where there is no other. */
export function variantsTable({ variants, bytes, evaluation }: RunResult): Block[] {
  const [first] = evaluation;
  if (!variants || !first) return [];
  const names = Object.keys(first.metrics);
  const row = (dtype: string, size: number, metrics: Readonly<Record<string, number>>): Inline[] => [
    { code: dtype },
    format.bytes(size),
    format.percent(bytes.compact === 0 ? 1 : size / bytes.compact),
    ...names.map((name) => format.metric(metrics[name] ?? Number.NaN)),
  ];
  const rows = [
    row('fp32', bytes.compact, first.metrics),
    ...variants.map((variant) => row(variant.dtype, variant.bytes, variant.metrics)),
  ];
  return [
    table(['precision (dtype)', 'ONNX bytes', 'of float32', ...names.map((name) => `${first.task} ${name}`)], rows),
  ];
}

/** Metrics of each seed, their mean and its standard error; the best is named, with the metric that says so. */
export function seedsTable({ seeds }: RunResult): Block[] {
  if (!seeds) return [];
  const names = Object.keys(seeds.mean);
  const row = (label: string, values: Readonly<Record<string, number>>) => [
    label,
    ...names.map((name) => format.metric(values[name] ?? Number.NaN)),
  ];
  const marks = (seed: number) =>
    [
      ...(seed === seeds.best ? [`best by ${seeds.metric}`] : []),
      ...(seed === seeds.chosen ? ['this report'] : []),
    ].join(', ');
  return [
    table(
      ['seed', ...names, ''],
      [
        ...seeds.runs.map(({ seed, metrics }) => [...row(`${seed}`, metrics), marks(seed)]),
        [...row('mean', seeds.mean), ''],
        [...row('standard error', seeds.standardError), ''],
      ],
    ),
  ];
}

/** What each layer has left. */
export function structureTable({ structure }: RunResult): Block {
  const number = (n: number | undefined) => (n === undefined ? '–' : format.integer(n));
  return table(
    ['layer', 'heads', 'hidden units', 'live inputs of Q, K, V', 'live inputs of the MLP', 'zeros'],
    structure.map((row) => [
      row.name === undefined ? `${row.layer}` : `${row.layer}: ${row.name}`,
      number(row.heads),
      number(row.hiddenUnits),
      number(row.inputDims),
      number(row.mlpInputDims),
      row.zeros === undefined ? '–' : format.percent(row.zeros),
    ]),
  );
}

/** How the masked and the compacted model were compared, in a sentence. */
export function proofNote({ proof }: RunResult): string {
  return `Masked and compacted model were run on the same ${format.integer(proof.examples)} examples; the largest difference of a logit is ${format.significant(proof.maxAbsDifference)}.`;
}
