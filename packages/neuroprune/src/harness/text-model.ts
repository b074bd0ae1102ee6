import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { tokenKey } from '@neuroprune/evaluate';
import { type HubOptions, snapshot } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { ConvertOptions } from '../schema/convert.js';
import { type FetchedModel, fetchModel, tokenizerFiles } from '../stages/fetch-model.js';
import { located } from '../stages/hub-options.js';
import { exists } from '../stages/run-folder.js';
import { versions } from '../stages/versions.js';
import { run as convert } from '../verbs/convert.js';

/** A model that writes text, as files that run. */
export interface TextModel extends AsyncDisposable {
  /** As it was asked. */
  readonly id: string;
  /** With the ONNX files, config.json and generation_config.json. */
  readonly folder: string;
  /** Folder of its tokenizer. */
  readonly tokenizer: string;
  /** The files that decide what it writes. */
  readonly files: readonly string[];
}

/** How a model is looked for. */
export interface TextModelChoice {
  /** Folder of the tokenizer where the model has none beside it. */
  readonly tokenizer?: string | undefined;
  /** Whether a conversion is kept and looked for. */
  readonly cache: boolean;
}

const graphs = ['encoder_model', 'decoder_model_merged', 'model'].map((name) => `onnx/${name}.onnx`);
const isGraph = (file: string): boolean =>
  graphs.some((graph) =>
    [graph, path.basename(graph)].some((name) => file === name || file.startsWith(`${name}_data`)),
  );

/**
 * Finds a model that writes by Hub id, folder (of a model or a run) or ONNX file. Where there are no ONNX files, the weights
 * are converted, once for all evaluations unless the cache is off.
 */
export async function findTextModel(
  id: string,
  hub: HubOptions,
  context: RunContext,
  { tokenizer, cache }: TextModelChoice,
): Promise<TextModel> {
  const given = tokenizer === undefined ? undefined : path.resolve(context.cwd, tokenizer);
  const file = path.resolve(context.cwd, id);
  if (id.endsWith('.onnx')) {
    if (!(await stat(file).catch(() => undefined))?.isFile())
      throw new NeuropruneError('input', `${id}: expected an ONNX file, found none`);
    const beside = path.dirname(file);
    return opened(path.basename(beside) === 'onnx' ? path.dirname(beside) : beside, given, id);
  }
  const place = await located(id, context.cwd);
  if (await exists(path.join(place, 'run.json'))) return opened(path.join(place, 'model'), given, id);
  const { signal, onEvent } = context;
  const patterns = ['config.json', ...tokenizerFiles, ...graphs.map((graph) => `${graph}*`)];
  const { folder, files } = await snapshot(place, { options: hub, signal, onEvent, patterns });
  if (files.some(isGraph)) return opened(folder, given, id);
  return converted(await fetchModel(id, hub, context), given, cache ? hub : undefined, context);
}

async function opened(
  folder: string,
  given: string | undefined,
  id: string,
  dispose = async () => {},
): Promise<TextModel> {
  const tokenizer = given ?? folder;
  if (!(await exists(path.join(tokenizer, 'tokenizer.json')))) {
    await dispose();
    throw new NeuropruneError(
      'input',
      `${id}: expected a tokenizer.json beside the model, got none (${tokenizer}); name its folder with --tokenizer`,
    );
  }
  const own = await readdir(folder, { recursive: true });
  const beside = given === undefined ? [] : await readdir(given);
  const isOurs = (name: string) => name === 'config.json' || (tokenizerFiles as readonly string[]).includes(name);
  const files = [
    ...own.filter((name) => isGraph(name) || isOurs(name)).map((name) => path.join(folder, name)),
    ...beside.filter(isOurs).map((name) => path.join(tokenizer, name)),
  ];
  return { id, folder, tokenizer, files: files.sort(), [Symbol.asyncDispose]: dispose };
}

/** Folder of the cache of conversions; may be removed at any time. */
const exportFolder = ({ assetsDir }: HubOptions): string => path.join(assetsDir, 'neuroprune', 'exports');

async function converted(
  { folder, files, id }: FetchedModel,
  given: string | undefined,
  hub: HubOptions | undefined,
  context: RunContext,
): Promise<TextModel> {
  const write = (out: string) =>
    convert(ConvertOptions.parse({ model: folder, out }), {
      ...context,
      onEvent: (event) => event.type !== 'stage' && context.onEvent(event),
    });
  if (hub === undefined) {
    const out = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-export-'));
    const remove = () => rm(out, { recursive: true, force: true });
    try {
      await write(out);
    } catch (error) {
      await remove();
      throw error;
    }
    return opened(out, given, id, remove);
  }
  const { neuroprune, platform } = versions();
  const key = tokenKey({ files: files.map(({ path: name, sha256 }) => [name, sha256]), neuroprune, platform });
  const kept = path.join(exportFolder(hub), key);
  if (!(await exists(kept))) {
    const draft = `${kept}.${randomUUID()}`;
    try {
      await write(draft);
      // Another process may have been faster.
      await rename(draft, kept).catch(async (error: unknown) => {
        if (!(await exists(kept))) throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  return opened(kept, given, id);
}
