import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { generationModels, loadModel } from '@neuroprune/models';
import { saveModel } from '@neuroprune/onnx';
import { type Generator, loadGenerator } from '../src/generate/generator.js';
import { modelFolder, temporaryFolder } from './shared.js';

/** A model of the material in the layout that writes text, in a folder that is gone after the test. */
export async function textModel(id: string): Promise<string> {
  const from = modelFolder(id);
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'onnx'));
  for (const [name, model] of generationModels(await loadModel(from))!)
    await saveModel(model, path.join(folder, 'onnx', `${name}.onnx`));
  for (const file of ['config.json', 'generation_config.json'])
    await copyFile(path.join(from, file), path.join(folder, file));
  return folder;
}

/** The same, opened with one thread. */
export const openModel = async (id: string): Promise<Generator> => loadGenerator(await textModel(id), { threads: 1 });
