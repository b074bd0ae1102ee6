import path from 'node:path';
import { findColumns } from './columns.js';
import type { DataBlock } from './encode.js';
import { EvaluateError } from './error.js';
import { type LabelScan, scanLabels } from './label-scan.js';
import { metricFacts } from './metrics/metric-facts.js';
import type { MetricName } from './metrics/metrics.js';
import { type Recipe, recipe, type Task } from './tasks.js';

/** What is asked of a data set that is no task of the table; columns that are not named are found. */
export interface DatasetRequest {
  readonly id: string;
  readonly config?: string;
  /** Branch, tag or commit on the Hub. */
  readonly revision?: string;
  readonly splits: Task['splits'];
  /** One text column, or the two of a pair. */
  readonly columns?: readonly string[];
  readonly label?: string;
  readonly metrics?: readonly MetricName[];
  /** Column whose values may not come twice; `none` for none, else `idx` or `id` where there is one. */
  readonly idColumn?: string;
}

/** The rows from which a task is found. */
export interface DatasetSource {
  /** Reads them from the first; only the columns named, where the format can leave others out. */
  readonly read: (columns?: readonly string[]) => AsyncIterable<DataBlock>;
  readonly classNames: (column: string) => Promise<readonly string[] | undefined>;
}

const isOfScores = (metric: MetricName): boolean => metricFacts[metric].kind === 'scores';

/** Recipe of a data set nobody has measured. */
export const datasetRecipe: Recipe = recipe(3, 1e-4);

/** A name for files and tables: the last part of an id or a folder. */
export const datasetName = (id: string): string =>
  path
    .basename(path.resolve(id))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-') || 'data';

/**
 * Makes a task of a data set: text and label columns as asked or by their usual names, classes or a score by the label's
 * type and the metrics asked. Classes are those the data set declares, else whole numbers from 0 or the different texts,
 * in order. Reads the label column once.
 * @throws EvaluateError (`input`) where columns, labels or metrics do not fit, naming what there is.
 */
export async function datasetTask(request: DatasetRequest, source: DatasetSource): Promise<Task> {
  const { id, config, revision, splits } = request;
  const name = datasetName(id);
  const { sentences, labelColumn, idColumn } = await findColumns(name, request, source.read());
  const declared = await source.classNames(labelColumn);
  const scan = await scanLabels(name, labelColumn, source.read([labelColumn]));
  const score = isScore(name, request.metrics, declared, scan);
  const metrics = request.metrics ?? (score ? (['pearson', 'spearman'] as const) : (['accuracy'] as const));
  return {
    name,
    version: 1,
    dataset: { id, ...(config !== undefined && { config }), ...(revision !== undefined && { revision }) },
    splits,
    sentences,
    labelColumn,
    ...(idColumn !== undefined && { idColumn }),
    ...(score ? { labels: 'score' } : classesOf(name, labelColumn, declared, scan)),
    metrics,
    mainMetric: metricFacts[metrics[0] ?? 'accuracy'].keys[0],
    direction: metricFacts[metrics[0] ?? 'accuracy'].direction,
    refusesEmpty: true,
    pipelineTag: 'text-classification',
    recipe: datasetRecipe,
  };
}

function isScore(
  name: string,
  metrics: readonly MetricName[] | undefined,
  declared: readonly string[] | undefined,
  scan: LabelScan,
): boolean {
  const kinds = new Set(metrics?.map(isOfScores));
  if (kinds.size > 1)
    throw new EvaluateError('input', `${name}: expected metrics of classes or of scores, got both: ${metrics}`);
  const [asked] = kinds;
  if (asked && declared) {
    throw new EvaluateError('input', `${name}: expected metrics of classes, got ${metrics}; its labels are classes`);
  }
  if (asked && !scan.numbers)
    throw new EvaluateError('input', `${name}: expected numbers for ${metrics}, got the label ${scan.texts[0]}`);
  return asked ?? (declared === undefined && scan.numbers && !scan.integers);
}

/** Classes of a data set, and how a label's text names them. */
function classesOf(
  name: string,
  column: string,
  declared: readonly string[] | undefined,
  scan: LabelScan,
): Pick<Task, 'labels' | 'classes' | 'labelsSeen'> {
  const byName = (names: readonly string[]) => Object.fromEntries(names.map((text, index) => [text, index]));
  const byIndex = (names: readonly string[]) => Object.fromEntries(names.map((_, index) => [String(index), index]));
  if (declared) {
    const named = !scan.numeric && scan.texts.every((text) => declared.includes(text));
    return { labels: declared, classes: named ? byName(declared) : byIndex(declared) };
  }
  if (scan.tooMany || scan.texts.length < 2) {
    const got = scan.tooMany ? 'more than 1000' : `${scan.texts.length}`;
    throw new EvaluateError(
      'input',
      `${name}: expected two classes or more in column '${column}', got ${got}; name the label's column, or a metric of scores`,
    );
  }
  const names = scan.integers
    ? [...scan.texts].sort((a, b) => Number(a) - Number(b))
    : [...scan.texts].sort((a, b) => (a < b ? -1 : 1));
  const gapless = scan.integers && names.every((text, index) => text === String(index));
  return { labels: names, classes: byName(names), labelsSeen: !scan.integers || gapless };
}
