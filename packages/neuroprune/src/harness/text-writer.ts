import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  InterruptableStoppingCriteria,
  Tensor,
} from '@huggingface/transformers';
import {
  type GenerationSettings,
  loadGenerator,
  readGeneratorFiles,
  type TextTask,
  type WriteTokens,
} from '@neuroprune/evaluate';
import { NeuropruneError } from '../error.js';
import type { VerbOptions } from '../schema/verbs.js';
import type { GeneratorName } from '../schema/writing.js';
import { readsSource } from './text-limits.js';
import type { TextModel } from './text-model.js';

/** How a model's texts are written, as results say. */
export interface WritingFacts {
  readonly generator: GeneratorName;
  readonly numBeams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | 'never';
  readonly noRepeatNgramSize: number;
  /** Absent where the model's own `max_length` counts. */
  readonly maxNewTokens?: number;
}

/** A model that writes; close it when done. */
export interface TextWriter extends AsyncDisposable {
  readonly write: WriteTokens;
  /** Writes exactly so many tokens for each prompt, to be measured. */
  readonly writeExactly: (prompts: readonly (readonly number[])[], count: number) => Promise<unknown>;
}

type Asked = Pick<
  VerbOptions<'evaluate'>,
  | 'numBeams'
  | 'maxNewTokens'
  | 'lengthPenalty'
  | 'earlyStopping'
  | 'noRepeatNgramSize'
  | 'generator'
  | 'device'
  | 'threads'
>;

/** Settings that transformers.js follows in greedy search as transformers does. */
const followed: ReadonlySet<string> = new Set([
  'maxNewTokens',
  'maxLength',
  'bosTokenId',
  'eosTokenId',
  'padTokenId',
  'decoderStartTokenId',
  'lengthPenalty',
  'earlyStopping',
]);

/** The settings of an evaluation: the options, else the model's own, else the task's. */
export function settingsOf(asked: Asked, own: GenerationSettings, task: TextTask): GenerationSettings {
  const { numBeams, maxNewTokens, lengthPenalty, earlyStopping, noRepeatNgramSize } = asked;
  const most =
    maxNewTokens ?? (own.maxNewTokens === undefined && own.maxLength === undefined ? task.maxNewTokens : undefined);
  return {
    ...own,
    ...(numBeams !== undefined && { numBeams }),
    ...(most !== undefined && { maxNewTokens: most }),
    ...(lengthPenalty !== undefined && { lengthPenalty }),
    ...(earlyStopping !== undefined && {
      earlyStopping: earlyStopping === 'never' ? earlyStopping : earlyStopping === 'true',
    }),
    ...(noRepeatNgramSize !== undefined && { noRepeatNgramSize }),
  };
}

const isGreedy = ({ numBeams = 1, noRepeatNgramSize = 0 }: GenerationSettings): boolean =>
  numBeams === 1 && noRepeatNgramSize === 0;

/** What writes: as asked, else transformers.js for greedy search on the cpu, and this package's own generator for all else. */
export function generatorFor({ generator, device }: Asked, settings: GenerationSettings): GeneratorName {
  const { numBeams: _, noRepeatNgramSize: __, ...rest } = settings;
  const stray = Object.keys(rest).find((name) => !followed.has(name));
  const able = isGreedy(settings) && device === 'cpu' && stray === undefined;
  if (generator === 'transformers.js' && !able)
    throw new NeuropruneError(
      'input',
      `--generator transformers.js: expected greedy search on the cpu, got ${stray ?? (isGreedy(settings) ? device : 'beams or no-repeat n-grams')}; leave the option out`,
    );
  return generator ?? (able ? 'transformers.js' : 'neuroprune');
}

/** How a model is to write. */
export interface WritingPlan {
  readonly settings: GenerationSettings;
  readonly facts: WritingFacts;
}

/** How a model writes for a task with the settings of a call, from its files alone. */
export async function writingPlan(
  { folder }: Pick<TextModel, 'folder'>,
  task: TextTask,
  asked: Asked,
): Promise<WritingPlan> {
  const settings = settingsOf(asked, (await readGeneratorFiles(folder)).settings, task);
  const { numBeams = 1, lengthPenalty = 1, earlyStopping = false, noRepeatNgramSize = 0, maxNewTokens } = settings;
  const facts = {
    generator: generatorFor(asked, settings),
    ...{ numBeams, lengthPenalty, earlyStopping, noRepeatNgramSize },
    ...(maxNewTokens !== undefined && { maxNewTokens }),
  };
  return { settings, facts };
}

/** Opens a model to write as planned. */
export async function openTextWriter(
  { id, folder }: Pick<TextModel, 'id' | 'folder'>,
  { settings, facts }: WritingPlan,
  { device, threads }: Asked,
  signal: AbortSignal,
): Promise<TextWriter> {
  if (facts.generator === 'transformers.js')
    return transformersWriter(folder, settings, threads, signal).catch(notWriting(id));
  const own = await loadGenerator(folder, { device, ...(threads !== undefined && { threads }) });
  const texts = async (prompts: readonly (readonly number[])[], more: GenerationSettings): Promise<number[][]> => {
    const written = await own.generate(prompts, { ...more, batchSize: prompts.length, signal });
    return written.texts.map(({ tokens }) => [...tokens]);
  };
  return {
    write: (prompts) => texts(prompts, settings),
    writeExactly: (prompts, count) => texts(prompts, { ...settings, maxNewTokens: count, minNewTokens: count }),
    [Symbol.asyncDispose]: () => own.close(),
  };
}

/** Says of which model transformers.js finds that it writes nothing. */
const notWriting =
  (id: string) =>
  (cause: Error): never => {
    const type = /Unsupported model type: (\S+)/.exec(cause.message)?.[1];
    if (type === undefined) throw cause;
    throw new NeuropruneError('input', `${id}: expected a model that writes text, got model_type ${type}`, { cause });
  };

async function transformersWriter(
  folder: string,
  settings: GenerationSettings,
  threads: number | undefined,
  signal: AbortSignal,
): Promise<TextWriter> {
  const inOnnx = existsSync(path.join(folder, 'onnx'));
  const kind = readsSource(folder) ? 'seq2seq' : 'causal';
  const from = kind === 'seq2seq' ? AutoModelForSeq2SeqLM : AutoModelForCausalLM;
  const model = await from.from_pretrained(folder, {
    dtype: 'fp32',
    local_files_only: true,
    ...(!inOnnx && { subfolder: '' }),
    ...(threads !== undefined && { session_options: { intraOpNumThreads: threads } }),
  });
  const stop = new InterruptableStoppingCriteria();
  const interrupt = () => stop.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  const ends = new Set([settings.eosTokenId ?? []].flat());
  const pad = settings.padTokenId ?? [...ends][0] ?? 0;
  const generate = async (prompts: readonly (readonly number[])[], options: object): Promise<number[][]> => {
    const side = kind === 'seq2seq' ? 'right' : 'left';
    const length = Math.max(...prompts.map((row) => row.length));
    const filled = (row: readonly number[], value: number): number[] => {
      const fill = new Array<number>(length - row.length).fill(value);
      return side === 'left' ? [...fill, ...row] : [...row, ...fill];
    };
    const given = {
      inputs: ids(prompts.map((row) => filled(row, pad))),
      attention_mask: ids(
        prompts.map((row) =>
          filled(
            row.map(() => 1),
            0,
          ),
        ),
      ),
      do_sample: false,
      stopping_criteria: stop,
      ...options,
    };
    const written = (await model.generate(given as unknown as Parameters<typeof model.generate>[0])) as Tensor;
    signal.throwIfAborted();
    const before = kind === 'seq2seq' ? 1 : length;
    return (written.tolist() as bigint[][]).map((row) => upToEnd(row.slice(before).map(Number), ends));
  };
  const { maxNewTokens } = settings;
  return {
    write: (prompts) => generate(prompts, maxNewTokens === undefined ? {} : { max_new_tokens: maxNewTokens }),
    writeExactly: (prompts, count) => generate(prompts, { max_new_tokens: count, min_new_tokens: count }),
    [Symbol.asyncDispose]: async () => {
      signal.removeEventListener('abort', interrupt);
      await model.dispose();
    },
  };
}

const ids = (rows: readonly (readonly number[])[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

/** Tokens up to the first that ends a text, that one included: a batch goes on until its longest is done. */
function upToEnd(tokens: readonly number[], ends: ReadonlySet<number>): number[] {
  const end = tokens.findIndex((token) => ends.has(token));
  return end < 0 ? [...tokens] : tokens.slice(0, end + 1);
}
