import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { alignLabels, type Task } from '@neuroprune/evaluate';
import { type HubOptions, snapshot } from '@neuroprune/hub';
import { loadModel } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import { inferenceGraph } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { fetchModel, tokenizerFiles } from './fetch-model.js';
import { located } from './hub-options.js';
import { exists } from './run-folder.js';
import { ONNX } from './save.js';

/** A trained classifier to be scored: what runs, and the folder of its tokenizer. */
export interface Classifier {
  /** An ONNX file, or a graph made from a folder's weights. */
  readonly model: string | Model;
  readonly folder: string;
  /** Its parsed `config.json`; undefined where there is none. */
  readonly config: unknown;
}

/**
 * Finds a classifier by Hub id, folder (of a model or a run) or ONNX file. Where a folder has `onnx/model.onnx`, that is
 * scored. Throws an input error for a model without a trained head.
 */
export async function findClassifier(id: string, hub: HubOptions, context: RunContext): Promise<Classifier> {
  const file = path.resolve(context.cwd, id);
  if (id.endsWith('.onnx') && (await stat(file).catch(() => undefined))?.isFile()) return onnxFile(file);
  if (id.endsWith('.onnx')) throw new NeuropruneError('input', `${id}: expected an ONNX file, found none`);
  return inFolder(await folderOf(id, hub, context), id);
}

async function onnxFile(file: string): Promise<Classifier> {
  const beside = path.dirname(file);
  const folder = (await exists(path.join(beside, 'tokenizer.json'))) ? beside : path.dirname(beside);
  return { model: file, folder, config: await configOf(folder) };
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
  for (const file of onnx) if (await exists(file)) return { model: file, folder, config };
  const { model, fresh } = await loadModel(folder);
  if (fresh.length === 0) return { model: inferenceGraph(model), folder, config };
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
