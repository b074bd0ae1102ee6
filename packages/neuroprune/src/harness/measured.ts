import { loadLikelihoodModel, type TextTask } from '@neuroprune/evaluate';
import type { VerbOptions } from '../schema/verbs.js';
import type { Classifier } from '../stages/classifier.js';
import { batchOf, type Measured, measuredIds } from './latency.js';
import { openSession, sessionOf } from './score-pair.js';
import type { TextModel } from './text-model.js';
import { openTextWriter, writingPlan } from './text-writer.js';

/** Tokens that a model writes for each row when it is measured; a text as long takes as long whatever it says. */
const NEW_TOKENS = 32;

/** A classifier, ready to be measured: its forward run. */
export async function measuredClassifier(
  model: string,
  classifier: Classifier,
  options: VerbOptions<'evaluate'>,
): Promise<Measured> {
  const session = await openSession(classifier, options);
  return {
    model,
    run: (rows, length) => session.predict(batchOf(rows, length)),
    [Symbol.asyncDispose]: () => session.close(),
  };
}

/** A model of text, ready to be measured: it writes 32 tokens for each row, or reads windows. */
export async function measuredText(
  model: string,
  found: TextModel,
  task: TextTask,
  options: VerbOptions<'evaluate'>,
  signal: AbortSignal,
): Promise<Measured> {
  if (task.kind === 'likelihood') {
    const loaded = await loadLikelihoodModel(found.folder, sessionOf(options));
    const run = (rows: number, length: number) => {
      const window = { text: 0, tokens: Int32Array.from(measuredIds(length)), scored: length - 1 };
      return loaded.score(Array.from({ length: rows }, () => window));
    };
    return { model, run, [Symbol.asyncDispose]: () => loaded.close() };
  }
  const writer = await openTextWriter(found, await writingPlan(found, task, options), options, signal);
  const run = (rows: number, length: number) =>
    writer.writeExactly(
      Array.from({ length: rows }, () => measuredIds(length)),
      NEW_TOKENS,
    );
  return { model, run, newTokens: NEW_TOKENS, [Symbol.asyncDispose]: async () => writer[Symbol.asyncDispose]() };
}
