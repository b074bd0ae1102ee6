import { duration } from '../cli/progress.js';
import { methodTitle } from '../stages/method.js';
import type { Plan } from '../stages/plan.js';
import { agreement } from './agreement.js';
import { small, table } from './table.js';
import type { TrainOutcome, TrainPlan } from './train.js';

/** The outcome, or the plan, of a training verb as text. */
export function formatTraining(result: TrainOutcome | TrainPlan): string {
  return 'dryRun' in result ? formatPlan(result) : formatOutcome(result);
}

const integer = (value: number): string => Math.round(value).toLocaleString('en-US');
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
const milliseconds = (value: number): string => `${value.toPrecision(3)} ms`;

function formatOutcome(result: TrainOutcome): string {
  const { sparsity, heads, parameters, bytes, evaluation, latency, proof, published, readBack } = result;
  const withDense = evaluation.some(({ dense }) => dense !== undefined);
  const scores = evaluation.flatMap(({ task, split, metrics, dense }) =>
    Object.entries(metrics).map(([name, value]) => [
      `${task} ${split} ${name}`,
      withDense ? (dense?.[name]?.toFixed(4) ?? '') : '',
      value.toFixed(4),
    ]),
  );
  return [
    table([
      ['', 'dense', result.method],
      ...scores,
      ['zeros in the prunable matrices', '', percent(sparsity.reached)],
      ['attention heads', integer(heads.total), integer(heads.kept)],
      ['parameters', integer(parameters.dense), integer(parameters.compact)],
      ['bytes of the ONNX file', integer(bytes.dense), integer(bytes.compact)],
      ...latency.map(({ batch, length, denseMs, compactMs }) => [
        `latency, batch ${batch} × ${length}`,
        milliseconds(denseMs),
        milliseconds(compactMs),
      ]),
    ]),
    '',
    `proof: masked and compact logits differ by at most ${small(proof.maxAbsDifference)} over ${integer(proof.examples)} rows`,
    ...(readBack ? [`read back: ${agreement(readBack)}`] : []),
    ...(published ? [`published: ${published.url} (${published.commit.slice(0, 12)})`] : []),
    ...seedLines(result),
    `report: ${result.run}/report/index.html`,
  ].join('\n');
}

/** Each seed, their mean and its standard error. */
function seedLines({ seeds }: TrainOutcome): string[] {
  if (!seeds) return [];
  const names = Object.keys(seeds.mean);
  const row = (label: string, values: Readonly<Record<string, number>>) => [
    label,
    ...names.map((name) => values[name]?.toFixed(4) ?? ''),
  ];
  return [
    '',
    table([
      ['seed', ...names],
      ...seeds.runs.map(({ seed, metrics }) => row(String(seed), metrics)),
      row('mean', seeds.mean),
      row('standard error', seeds.standardError),
    ]),
    `best by ${seeds.metric}: seed ${seeds.best}; the run folder's model and the table above are those of seed ${seeds.chosen}`,
  ];
}

function formatPlan(plan: TrainPlan): string {
  const { recipe, rows, prunable, blocks, files } = plan;
  return [
    `${plan.model}${plan.commit === null ? '' : ` (${plan.commit.slice(0, 12)})`} on ${recipe.task}, ${methodTitle(recipe.method)}: nothing was trained`,
    '',
    table([
      ['layer', 'heads', 'hidden units', 'prunable weights'],
      ...blocks.map((block) => [block.layer, integer(block.heads), integer(block.hiddenUnits), integer(block.weights)]),
    ]),
    '',
    table([
      ['parameters', integer(plan.parameters)],
      ['prunable weights', integer(prunable.weights)],
      ['of these zero in the end', integer(prunable.zeros)],
      ['attention heads', headsOf(plan)],
      ['training rows', integer(rows.train)],
      ['validation rows', integer(rows.validation)],
      ...dataRows(plan),
      ['steps', `${integer(plan.steps)}${recipe.baseline ? ', twice' : ''}`],
      ['learning rate', String(recipe.lr)],
      ['memory of training, roughly', `${integer(plan.memory / 1e6)} MB of ${integer(plan.memoryAvailable / 1e6)}`],
      ...timeRows(plan),
    ]),
    '',
    `Further files in ${plan.run}, bytes:`,
    fileTable(plan.runFiles),
    '',
    `${plan.to === undefined ? `Files in ${plan.run}/model` : `Files to upload to ${plan.to}`}, bytes:`,
    fileTable(files),
  ].join('\n');
}

const fileTable = (files: Plan['files']): string =>
  table(
    files.map(({ path, bytes, atMost }) => [path, bytes === null ? '?' : `${atMost ? '≤ ' : ''}${integer(bytes)}`]),
  );

/** What steps took that were tried, and what the training would take by that. */
function timeRows({ timing }: Plan): string[][] {
  if (!timing) return [['time of training', 'not tried, for want of memory']];
  return [
    ...timing.batches.map(({ rows, length, ms }) => [`a batch of ${rows} × ${length} tokens`, milliseconds(ms)]),
    ['time of training, roughly', duration(timing.seconds)],
    ['memory of the steps that were tried', `${integer(timing.peak / 1e6)} MB`],
  ];
}

/** Rows of each class and rows that were cut, split by split. */
function dataRows({ data, labels }: Plan): string[][] {
  return Object.entries(data).flatMap(([split, { classes = [], truncated }]) => [
    ...(labels === 'score' ? [] : labels.slice(0, MOST_CLASSES)).map((label, i) => [
      `${split}: ${label}`,
      integer(classes[i] ?? 0),
    ]),
    [`${split}: cut to the longest length`, integer(truncated)],
  ]);
}

/** Classes that are listed. */
const MOST_CLASSES = 20;

function headsOf({ recipe: { method }, prunable }: Plan): string {
  const heads = 'heads' in method ? method.heads : undefined;
  return heads === undefined ? integer(prunable.heads) : `${integer(heads)} of ${integer(prunable.heads)}`;
}
