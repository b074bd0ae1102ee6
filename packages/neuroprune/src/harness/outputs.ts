import path from 'node:path';
import { likelihoodFile, submissionFile, writePredictions, writtenFile } from '@neuroprune/evaluate';
import type { TableFormat } from '../schema/evaluate.js';
import { writeText } from '../stages/write-file.js';
import type { PairScore } from './pair-score.js';
import type { Pair } from './pairs.js';
import type { Evaluated } from './result.js';
import type { ClassScore } from './score-pair.js';
import { rendered } from './tables.js';

/** Files of a result below `--out`. */
const files: Readonly<Record<string, TableFormat>> = {
  'evaluation.json': 'json',
  'evaluation.md': 'markdown',
  'evaluation.csv': 'csv',
};

/** Where batches are kept below `--out` while an evaluation is under way. */
export const LOGS = '.evaluate';

/** Writes a pair's predictions below `--out`; of several models, each has a folder of its own. Returns the file, relative as `out` is. */
export async function writePairPredictions(
  { folder }: Pair,
  score: PairScore,
  { out, cwd, several }: { readonly out: string; readonly cwd: string; readonly several: boolean },
): Promise<string> {
  const file = path.join(out, 'predictions', ...(several ? [folder] : []), `${score.task.name}.ndjson`);
  await predictionsTo(path.resolve(cwd, file), score);
  return file;
}

function predictionsTo(file: string, score: PairScore): Promise<void> {
  if (score.kind === 'texts') return writtenFile.write(file, score.predictions);
  if (score.kind === 'likelihoods') return likelihoodFile.write(file, score.predictions);
  return writePredictions(file, score.predictions);
}

/** Writes the tables below `--out`, each file whole or not at all. */
export async function writeTables(result: Evaluated, folder: string): Promise<void> {
  for (const [name, format] of Object.entries(files)) {
    await writeText(path.join(folder, name), `${rendered(result, format)}\n`);
  }
}

/** Writes a pair's file for the leaderboard; returns its name. */
export async function writeSubmission({ task, predictions }: ClassScore, folder: string): Promise<string> {
  const { name, text } = submissionFile(task, predictions);
  await writeText(path.join(folder, name), text);
  return name;
}
