import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type HubOptions, readCard, snapshot } from '@neuroprune/hub';
import { readConfig, weightsFile } from '@neuroprune/models';
import type { RunContext } from '../context.js';
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
  readonly folder: string;
  /** Null for a local folder. */
  readonly commit: string | null;
  /** Weights, configuration and tokenizer, with their hashes. */
  readonly files: readonly FileHash[];
  /** The licence its card names. */
  readonly license?: string;
}

/** Fetches what training needs of a model; one of another architecture, or with pickled weights alone, is refused before any are fetched. */
export async function fetchModel(id: string, hub: HubOptions, context: RunContext): Promise<FetchedModel> {
  const { signal, onEvent, cwd } = context;
  const request = { options: hub, signal, onEvent };
  const place = await located(id, cwd);
  const first = await snapshot(place, { ...request, patterns: ['config.json', 'README.md'] });
  await readConfig(first.folder);
  weightsFile(first.files, id);
  const wanted = first.files.filter(
    (file) => weights.test(file) || file === 'config.json' || (tokenizerFiles as readonly string[]).includes(file),
  );
  const revision = first.commit === null ? {} : { revision: first.commit };
  const { folder, commit } = await snapshot(place, { ...request, ...revision, patterns: [...wanted, 'README.md'] });
  const files = await hashFiles(wanted.map((file) => path.join(folder, file)));
  return { id, folder, commit, files, ...(await licenseOf(folder)) };
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
