import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { alignLabels, type Task } from '@neuroprune/evaluate';
import { type HubOptions, snapshot } from '@neuroprune/hub';
import { loadModel } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import { inferenceGraph } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { checkClass } from './check-class.js';
import { fetchModel, tokenizerFiles } from './fetch-model.js';
import { located } from './hub-options.js';
import { exists } from './run-folder.js';
import { ONNX } from './save.js';

/** A trained classifier to be scored: what runs, and the folder of its tokenizer. */
export interface Classifier {
  /** An ONNX file, or a graph made from a folder's weights. */
  readonly model: string | Model;
  /** The files that decide its numbers: weights, configuration, tokenizer. */
  readonly files: readonly string[];
  readonly folder: string;
  /** Its parsed `config.json`; undefined where there is none. */
  readonly config: unknown;
}

/**
 * Finds a classifier by Hub id, folder (of a model or a run) or ONNX file. Where a folder has `onnx/model.onnx`, that is
 * scored. `tokenizer` is the folder of the tokenizer, and of `config.json`, of an ONNX file that has none beside it.
 * Throws an input error for a model without a trained head, and for a file without a tokenizer.
 */
export async function findClassifier(
  id: string,
  hub: HubOptions,
  context: RunContext,
  { tokenizer }: { readonly tokenizer?: string | undefined } = {},
): Promise<Classifier> {
  const file = path.resolve(context.cwd, id);
  if (id.endsWith('.onnx') && (await stat(file).catch(() => undefined))?.isFile()) {
    return onnxFile(file, id, tokenizer === undefined ? undefined : path.resolve(context.cwd, tokenizer));
  }
  if (id.endsWith('.onnx')) throw new NeuropruneError('input', `${id}: expected an ONNX file, found none`);
  return inFolder(await folderOf(id, hub, context), id);
}

async function onnxFile(file: string, id: string, given: string | undefined): Promise<Classifier> {
  const beside = path.dirname(file);
  const near = (await exists(path.join(beside, 'tokenizer.json'))) ? beside : path.dirname(beside);
  const folder = given ?? near;
  if (!(await exists(path.join(folder, 'tokenizer.json')))) {
    throw new NeuropruneError(
      'input',
      `${id}: expected a tokenizer.json beside the file, got none (${folder}); name its folder with --tokenizer`,
    );
  }
  const config = (await configOf(beside)) ?? (await configOf(folder));
  return { model: file, files: [...(await onnxFiles(file)), ...(await tokenizerOf(folder))], folder, config };
}

/** An ONNX file and the external data beside it. */
async function onnxFiles(file: string): Promise<string[]> {
  const [folder, name] = [path.dirname(file), path.basename(file)];
  const more = (await readdir(folder)).filter((one) => one.startsWith(`${name}_data`) || one === `${name}.data`);
  return [file, ...more.sort().map((one) => path.join(folder, one))];
}

async function tokenizerOf(folder: string): Promise<string[]> {
  const there = new Set(await readdir(folder));
  return ['config.json', ...tokenizerFiles].filter((name) => there.has(name)).map((name) => path.join(folder, name));
}

async function folderOf(id: string, hub: HubOptions, context: RunContext): Promise<string> {
  const place = await located(id, context.cwd);
  if (await exists(path.join(place, 'run.json'))) return path.join(place, 'model');
  const { signal, onEvent } = context;
  const patterns = ['config.json', ...tokenizerFiles, `${ONNX}*`];
  const { folder, files } = await snapshot(place, { options: hub, signal, onEvent, patterns });
  return files.includes(ONNX) ? folder : (await fetchModel(id, hub, context)).folder;
}

async function inFolder(folder: string, id: string): Promise<Classifier> {
  const config = await configOf(folder);
  const onnx = [ONNX, 'model.onnx'].map((name) => path.join(folder, name));
  const others = await tokenizerOf(folder);
  for (const file of onnx) {
    if (await exists(file)) return { model: file, files: [...(await onnxFiles(file)), ...others], folder, config };
  }
  await checkClass({ id, place: folder });
  const { model, fresh } = await loadModel(folder, { task: 'sequence-classification' });
  const weights = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  const files = [...weights.map((name) => path.join(folder, name)), ...others];
  if (fresh.length === 0) return { model: inferenceGraph(model), files, folder, config };
  throw new NeuropruneError(
    'input',
    `${id}: expected a model with a trained head, got none of ${fresh.join(', ')}; train it with 'neuroprune finetune'`,
  );
}

async function configOf(folder: string): Promise<unknown> {
  const text = await readFile(path.join(folder, 'config.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NeuropruneError('input', `config.json: expected JSON, got something else (${folder})`, { cause });
  }
}

/** The task with its classes in a classifier's order; one with other classes is refused. */
export const taskFor = (task: Task, { config }: Classifier, id: string): Task =>
  config === undefined ? task : alignLabels(task, config, id);
