import {
  type DatasetRequest,
  datasetName,
  datasetRecipe,
  datasetTask,
  isTextTaskName,
  type MetricName,
  type Task,
  type TaskName,
  tasks,
  textTask,
} from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { type FetchedRows, fetchSplit, openData } from './fetch-rows.js';
import { fetchTexts, type TextData } from './text-data.js';

/** The options that say which rows a run uses. */
export type DataChoice = Pick<
  VerbOptions<'finetune'>,
  'task' | 'dataset' | 'datasetConfig' | 'columns' | 'label' | 'metric' | 'idColumn' | 'trainSplit' | 'validationSplit'
>;

/** The task of a run and its rows. */
export type TaskData = ClassData | TextData;

/** A task of classes or scores and its rows. */
export interface ClassData {
  readonly task: Task;
  readonly train: FetchedRows;
  /** Absent where the data set has no such split, so that training rows are held out. */
  readonly validation?: FetchedRows;
}

const metricNames = {
  accuracy: 'accuracy',
  f1: 'f1',
  precision: 'precision',
  recall: 'recall',
  matthews_correlation: 'matthewsCorrelation',
  pearson: 'pearson',
  spearmanr: 'spearman',
} as const satisfies Record<NonNullable<DataChoice['metric']>[number], MetricName>;

/** What is known of a task before its data are read. */
export function taskFacts({ task, dataset = '' }: Pick<DataChoice, 'task' | 'dataset'>): Pick<Task, 'name' | 'recipe'> {
  if (task === undefined) return { name: datasetName(dataset), recipe: datasetRecipe };
  return isTextTaskName(task) ? textTask(task) : tasks[task];
}

/** Fetches the splits a run trains and is scored on, and finds the task of a data set that is none of the table's. */
export async function fetchData(options: DataChoice, hub: HubOptions, context: RunContext): Promise<TaskData> {
  const { task: name } = options;
  if (name !== undefined) {
    return isTextTaskName(name)
      ? fetchTexts(textTask(name), options, hub, context)
      : fetchTask(tasks[name], hub, context);
  }
  const dataset = idOf(options);
  const open = await openData(dataset, hub, context);
  const train = await fetchSplit(open, options.trainSplit ?? 'train');
  const split = options.validationSplit ?? open.find('validation');
  const validation = split === undefined ? undefined : await fetchSplit(open, split);
  const splits = {
    train: train.split,
    validation: validation?.split ?? train.split,
    test: open.find('test') ?? 'test',
  };
  const task = await datasetTask(requestOf(options, splits), train);
  return { task, train, ...(validation && { validation }) };
}

/** Fetches one split to score a model on. */
export async function fetchScored(
  task: TaskName | undefined,
  options: Omit<DataChoice, 'task' | 'trainSplit' | 'validationSplit'> & Revision,
  split: string,
  hub: HubOptions,
  context: RunContext,
): Promise<{ readonly task: Task; readonly rows: FetchedRows }> {
  const known = task === undefined ? undefined : tasks[task];
  const open = await openData(known?.dataset ?? idOf(options), hub, context);
  const rows = await fetchSplit(open, known?.splits[split as keyof Task['splits']] ?? split);
  if (known) return { task: known, rows };
  const splits = { train: rows.split, validation: rows.split, test: rows.split };
  return { task: await datasetTask(requestOf(options, splits), rows), rows };
}

async function fetchTask(task: Task, hub: HubOptions, context: RunContext): Promise<ClassData> {
  const open = await openData(task.dataset, hub, context);
  const [train, validation] = [task.splits.train, task.splits.validation];
  return { task, train: await fetchSplit(open, train), validation: await fetchSplit(open, validation) };
}

/** Which version of a data set is read. */
interface Revision {
  readonly datasetRevision?: string | undefined;
}

const idOf = ({
  dataset: id = '',
  datasetConfig: config,
  datasetRevision: revision,
}: Pick<DataChoice, 'dataset' | 'datasetConfig'> & Revision) => ({
  id,
  ...(config !== undefined && { config }),
  ...(revision !== undefined && { revision }),
});

function requestOf(options: Omit<DataChoice, 'task'> & Revision, splits: Task['splits']): DatasetRequest {
  const { columns, label, metric, idColumn } = options;
  return {
    ...idOf(options),
    splits,
    ...(columns && { columns }),
    ...(label !== undefined && { label }),
    ...(metric && { metrics: metric.map((key) => metricNames[key]) }),
    ...(idColumn !== undefined && { idColumn }),
  };
}
