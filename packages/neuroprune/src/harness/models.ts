import { EvaluateError, tasks } from '@neuroprune/evaluate';
import { NeuropruneError } from '../error.js';
import { type Classifier, findClassifier, taskFor } from '../stages/classifier.js';
import type { Run } from '../stages/stage.js';
import type { ClassPair, Pair } from './pairs.js';
import type { Harness } from './score-pair.js';
import { findTextModel, type TextModel } from './text-model.js';

/** The models of a call, by the words they were asked with. */
export interface Models extends AsyncDisposable {
  readonly classifiers: ReadonlyMap<string, Classifier>;
  readonly texts: ReadonlyMap<string, TextModel>;
}

/** Finds the models of all pairs, and refuses one whose classes are not its task's; close them when done. */
export async function findModels(
  pairs: readonly Pair[],
  { options, hub, context }: Harness,
  { stage }: Run,
): Promise<Models> {
  const classifiers = new Map<string, Classifier>();
  const texts = new Map<string, TextModel>();
  const close = async () => void (await Promise.all([...texts.values()].map((text) => text[Symbol.asyncDispose]())));
  const { tokenizer, cache } = options;
  try {
    for (const pair of pairs) {
      const { model } = pair;
      if (pair.text) {
        const find = () => findTextModel(model, hub, context, { tokenizer, cache });
        texts.set(model, texts.get(model) ?? (await stage('fetch', find, model)));
        continue;
      }
      const find = () => findClassifier(model, hub, context, { tokenizer });
      const classifier = classifiers.get(model) ?? (await stage('fetch', find, model));
      classifiers.set(model, classifier);
      checkClasses(pair, classifier, pairs);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { classifiers, texts, [Symbol.asyncDispose]: close };
}

/** Refuses a task with other classes than its model's, and says how models get their own tasks where there are several. */
function checkClasses({ model, task }: ClassPair, classifier: Classifier, pairs: readonly Pair[]): void {
  if (task === undefined) return;
  try {
    taskFor(tasks[task], classifier, model);
  } catch (error) {
    if (!(error instanceof EvaluateError) || pairs.length === 1) throw error;
    throw new NeuropruneError('input', `${error.message}; TASK=MODEL scores a model on that task alone`);
  }
}
