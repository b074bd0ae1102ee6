import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type HubOptions, readCard, type Snapshot, snapshot } from '@neuroprune/hub';
import { DENSE_GRAPH, importedAmong, onnxFiles, readConfig, weightsFile } from '@neuroprune/models';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { located } from './hub-options.js';
import { type FileHash, hashFiles } from './write-file.js';

/** What a model's texts are tokenized with, and how it writes them. */
export const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'spiece.model',
  'spm.model',
  'sentencepiece.bpe.model',
  'tokenizer.model',
  'source.spm',
  'target.spm',
  'generation_config.json',
] as const;

const weights = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** A model's files on this machine. */
export interface FetchedModel {
  /** As the caller named it. */
  readonly id: string;
  /** Where the tokenizer lies. */
  readonly folder: string;
  /** What is loaded: a folder, or the ONNX file of a model without source. */
  readonly place: string;
  /** Null for a local folder. */
  readonly commit: string | null;
  /** Weights, configuration and tokenizer, with their hashes. */
  readonly files: readonly FileHash[];
  /** The licence its card names. */
  readonly license?: string;
}

/** What is asked beside the model. */
export interface FetchOptions {
  /** A Hub id or folder whose tokenizer takes the place of the model's. */
  readonly tokenizer?: string | undefined;
}

/**
 * Fetches what training needs of a model: of a Hub id or a folder weights and configuration, or else the ONNX file of a model
 * without source, which may be named by itself too. A model with neither, or with pickled weights alone, is refused before
 * any of it is fetched.
 */
export async function fetchModel(
  id: string,
  hub: HubOptions,
  context: RunContext,
  { tokenizer }: FetchOptions = {},
): Promise<FetchedModel> {
  const model = id.endsWith('.onnx') ? await localFile(id, context) : await repository(id, hub, context);
  if (tokenizer === undefined) return model;
  const { folder, files } = await fetchTokenizer(tokenizer, hub, context);
  return { ...model, folder, files: [...model.files.filter((file) => !isTokenizer(file.path)), ...files] };
}

const isTokenizer = (file: string): boolean => (tokenizerFiles as readonly string[]).includes(file);

async function repository(id: string, hub: HubOptions, context: RunContext): Promise<FetchedModel> {
  const { signal, onEvent, cwd } = context;
  const request = { options: hub, signal, onEvent };
  const place = await located(id, cwd);
  const first = await snapshot(place, { ...request, patterns: ['config.json', 'README.md'] });
  const onnx = await onnxOf(first, id, context);
  const wanted = first.files.filter(
    (file) => (onnx === undefined ? weights : dataOf(onnx)).test(file) || file === 'config.json' || isTokenizer(file),
  );
  const revision = first.commit === null ? {} : { revision: first.commit };
  const { folder, commit } = await snapshot(place, { ...request, ...revision, patterns: [...wanted, 'README.md'] });
  const files = await hashFiles(wanted.map((file) => path.join(folder, file)));
  const loaded = onnx === undefined ? folder : path.join(folder, onnx);
  return { id, folder, place: loaded, commit, files, ...(await licenseOf(folder)) };
}

/** The ONNX file that is the model, where it has no weights beside it, or is of an architecture that is not built here. */
async function onnxOf(
  { folder, files }: Pick<Snapshot, 'folder' | 'files'>,
  id: string,
  { onEvent }: RunContext,
): Promise<string | undefined> {
  const imported = importedAmong(files);
  if (imported !== undefined) return imported;
  const other = onnxFiles.find((name) => files.includes(name));
  try {
    await readConfig(folder);
  } catch (error) {
    if (other === undefined) throw error;
    onEvent({ type: 'note', message: `${(error as Error).message}; ${other} of ${id} is taken instead` });
    return other;
  }
  weightsFile(files, id);
  return undefined;
}

/** An ONNX file and the files with its weights. */
function dataOf(onnx: string): RegExp {
  const name = onnx.replace(/[.]/g, '\\.');
  return new RegExp(onnx === DENSE_GRAPH ? `^(${name}|model\\.safetensors)$` : `^${name}(_data(_\\d+)?|\\.data)?$`);
}

/** An ONNX file on this machine, its tokenizer beside it or above its folder `onnx`. */
async function localFile(id: string, { cwd }: RunContext): Promise<FetchedModel> {
  const place = path.resolve(cwd, id);
  const beside = path.dirname(place);
  const names = await readdir(beside).catch((): string[] => []);
  const name = path.basename(place);
  if (!names.includes(name)) throw new NeuropruneError('input', `${id}: expected an ONNX file, found none`);
  if (!(await stat(place)).isFile())
    throw new NeuropruneError('input', `${id}: expected an ONNX file, got a folder; name the file in it`);
  const above = path.basename(beside) === 'onnx' && !names.some(isTokenizer);
  const folder = above ? path.dirname(beside) : beside;
  const others = (await readdir(folder)).filter((file) => file === 'config.json' || isTokenizer(file));
  const own = names.filter((file) => dataOf(name).test(file)).map((file) => path.join(beside, file));
  const files = await hashFiles([...own, ...others.map((file) => path.join(folder, file))]);
  return { id, folder, place, commit: null, files, ...(await licenseOf(folder)) };
}

async function fetchTokenizer(id: string, hub: HubOptions, { signal, onEvent, cwd }: RunContext) {
  const request = { options: hub, signal, onEvent, patterns: [...tokenizerFiles] };
  const { folder, files } = await snapshot(await located(id, cwd), request);
  const found = files.filter(isTokenizer);
  if (!found.includes('tokenizer.json'))
    throw new NeuropruneError('input', `--tokenizer: expected a model with a tokenizer.json, got ${id}`);
  return { folder, files: await hashFiles(found.map((file) => path.join(folder, file))) };
}

async function licenseOf(folder: string): Promise<{ license?: string }> {
  const text = await readFile(path.join(folder, 'README.md'), 'utf8').catch(() => '');
  try {
    const { license } = readCard(text).frontMatter;
    return typeof license === 'string' ? { license } : {};
  } catch {
    return {}; // a card nobody can read says nothing
  }
}
