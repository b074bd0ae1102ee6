import { readConfig } from '@neuroprune/models';
import { NeuropruneError } from '../error.js';
import type { FetchedModel } from './fetch-model.js';

/** Refuses a model that was made for something else than its graph would say, such as a class for each token. */
export async function checkClass({ id, place }: Pick<FetchedModel, 'id' | 'place'>): Promise<void> {
  if (place.endsWith('.onnx')) return; // its graph is what it is
  const { otherClass, architecture } = await readConfig(place);
  if (otherClass === undefined) return;
  const built = Object.values({ ...architecture.classNames, ...architecture.classifier?.classNames }).join(' or ');
  throw new NeuropruneError(
    'input',
    `${id}: expected ${built} under architectures in config.json, got ${otherClass}; ` +
      `name there what it is to be read as, or train it with 'neuroprune finetune'`,
  );
}
