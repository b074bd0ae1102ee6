import { type FoundTextTask, foundTexts, type TextTask } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import type { DataChoice } from './data.js';
import { type FetchedRows, fetchSplit, openData } from './fetch-rows.js';

/** A task of texts and its rows. */
export interface TextData {
  readonly task: FoundTextTask;
  readonly train: FetchedRows;
  /** Absent where the data set has no such split, so that training rows are held out. */
  readonly validation?: FetchedRows;
}

/** Fetches the splits of a task of texts, of its own data set or another, and finds where their rows have texts. */
export async function fetchTexts(
  known: TextTask,
  options: DataChoice,
  hub: HubOptions,
  context: RunContext,
): Promise<TextData> {
  const { dataset: id, datasetConfig: config, columns, label } = options;
  const dataset = id === undefined ? known.dataset : { id, ...(config !== undefined && { config }) };
  const open = await openData(dataset, hub, context);
  const train = await fetchSplit(open, options.trainSplit ?? known.splits.train);
  const name = options.validationSplit ?? open.find(known.splits.validation);
  const validation = name === undefined ? undefined : await fetchSplit(open, name);
  const splits = {
    train: train.split,
    validation: validation?.split ?? train.split,
    test: open.find(known.splits.test) ?? known.splits.test,
  };
  const asked = { ...(columns && { columns }), ...(label !== undefined && { label }) };
  const { task } = await foundTexts({ ...known, dataset, splits }, asked, train.read);
  return { task, train, ...(validation && { validation }) };
}
