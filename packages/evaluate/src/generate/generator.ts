import type { SessionOptions } from '@neuroprune/runtime';
import { EvaluateError } from '../error.js';
import { type BatchRequest, type WrittenText, writeBatch } from './batch-search.js';
import { readGeneratorFiles } from './generator-files.js';
import { type GenerationSettings, idList, withOptions } from './settings.js';
import { openTextGraphs, type TextGraphs } from './text-graphs.js';

/** What generation tells while it runs: how many of the prompts are done. */
export interface GenerationEvent {
  readonly type: 'generated';
  readonly prompts: number;
  readonly of: number;
  readonly newTokens: number;
}

/** Settings of a call, and how it runs. */
export interface GenerateOptions extends GenerationSettings {
  /** Prompts that are written on together, 32 by default; those of like length are. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: GenerationEvent) => void;
}

/** Texts in the order of their prompts, and what they took. */
export interface Generation {
  readonly texts: readonly WrittenText[];
  /** Without padding. */
  readonly promptTokens: number;
  /** Tokens of the texts. */
  readonly newTokens: number;
  /** Runs of the decoder. */
  readonly steps: number;
  readonly seconds: number;
  /** New tokens a second, reading the prompts included. */
  readonly tokensPerSecond: number;
}

/** A model that writes; close it when done. */
export interface Generator extends AsyncDisposable {
  /** Whether it writes from what an encoder reads (`seq2seq`), or goes on with its prompt. */
  readonly kind: 'causal' | 'seq2seq';
  /** What the model's own files set. */
  readonly settings: GenerationSettings;
  /**
   * Writes a text for each prompt of token ids.
   * @throws EvaluateError (`input`) for options that are none and for empty prompts, (`job`) where no token is left to take.
   */
  generate(prompts: readonly ArrayLike<number>[], options?: GenerateOptions): Promise<Generation>;
  close(): Promise<void>;
}

/**
 * Opens a model's folder for greedy and beam search: its ONNX files, generation_config.json and config.json.
 * @throws EvaluateError (`input`) where the files are not those of a model that writes text; RuntimeError where one does not load.
 */
export async function loadGenerator(folder: string, session: SessionOptions = {}): Promise<Generator> {
  const { settings, positions } = await readGeneratorFiles(folder);
  const graphs = await openTextGraphs(folder, session);
  const close = async () => graphs[Symbol.asyncDispose]();
  return {
    kind: graphs.encoder ? 'seq2seq' : 'causal',
    settings,
    generate: async (prompts, { batchSize = 32, signal, onEvent, ...options } = {}) => {
      const request = {
        graphs,
        settings: withOptions(settings, options),
        ...(positions && { positions }),
        ...(signal && { signal }),
      };
      return writeAll(prompts, request, batchSize, onEvent);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function writeAll(
  prompts: readonly ArrayLike<number>[],
  request: Omit<BatchRequest, 'source' | 'decoder'>,
  batchSize: number,
  onEvent: GenerateOptions['onEvent'],
): Promise<Generation> {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new EvaluateError('input', `generation: batchSize: expected a whole number from 1, got ${batchSize}`);
  const rows = prompts.map((prompt) => Array.from(prompt));
  const empty = rows.findIndex((row) => row.length === 0);
  if (empty >= 0)
    throw new EvaluateError(
      'input',
      `generation: expected prompts of a token or more, got an empty one (prompt ${empty})`,
    );
  const started = performance.now();
  const texts = new Array<WrittenText>(rows.length);
  let [done, newTokens, steps] = [0, 0, 0];
  for (const places of byLength(rows, batchSize)) {
    const batch = startOf(
      places.map((place) => rows[place]!),
      request,
    );
    const written = await writeBatch({ ...request, ...batch });
    for (const [i, place] of places.entries()) texts[place] = written.texts[i]!;
    done += places.length;
    steps += written.steps;
    newTokens += written.texts.reduce((sum, { tokens }) => sum + tokens.length, 0);
    onEvent?.({ type: 'generated', prompts: done, of: rows.length, newTokens });
  }
  const seconds = (performance.now() - started) / 1000;
  const promptTokens = rows.reduce((sum, row) => sum + row.length, 0);
  return { texts, promptTokens, newTokens, steps, seconds, tokensPerSecond: newTokens / seconds };
}

/** Places of rows, the longest first, in batches. */
function byLength(rows: readonly (readonly number[])[], size: number): number[][] {
  const order = rows.map((_, place) => place).sort((a, b) => rows[b]!.length - rows[a]!.length);
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) => order.slice(i * size, (i + 1) * size));
}

/** What the encoder reads and the decoder starts with. */
function startOf(
  rows: readonly (readonly number[])[],
  { graphs, settings }: { readonly graphs: TextGraphs; readonly settings: GenerationSettings },
): Pick<BatchRequest, 'source' | 'decoder'> {
  if (!graphs.encoder) return { decoder: rows };
  const start = settings.decoderStartTokenId ?? settings.bosTokenId;
  if (start !== undefined) return { source: rows, decoder: rows.map(() => [start]) };
  throw new EvaluateError(
    'input',
    `generation: expected a token to start with, got none and ends ${idList(settings.eosTokenId)}; set decoderStartTokenId`,
  );
}
