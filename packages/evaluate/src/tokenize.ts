import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { EvaluateError } from './error.js';
import { cachedWords, type Token, type WordSplit, wordSplit } from './words.js';

/** Token ids of one text or pair, special tokens included, at most as many as asked. */
export interface TokenIds {
  readonly inputIds: Int32Array;
  /** 0 for the first text and its special tokens, 1 for the second, as the tokenizer's template says. */
  readonly tokenTypeIds: Int32Array;
  /** Tokens that did not fit and were left out; absent where all did. */
  readonly cut?: number;
}

/** A tokenizer read from a model's folder. */
export interface TextTokenizer {
  /** Ids of a text or a pair, cut to `maxLength` as Hugging Face does with `truncation=True`. */
  readonly encode: (text: string, pair: string | undefined, maxLength: number) => TokenIds;
  /** The text of tokens, special ones left out; spaces are cleaned up where the tokenizer says so. */
  readonly decode: (ids: ArrayLike<number>) => string;
  /** Id that fills rows up. */
  readonly padId: number;
  /** Longest input the model states (`model_max_length`), Infinity where it states none. */
  readonly maxLength: number;
}

const largestFile = 64 * 2 ** 20;

const tokenizerFile = z.looseObject({
  model: z.looseObject({
    // Early files have no type; the library guesses one, even for a type it does not know.
    type: z.enum(['WordPiece', 'BPE', 'Unigram']).optional(),
    vocab: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]),
  }),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })),
});

const namedToken = z.union([z.string(), z.looseObject({ content: z.string() })]);

const configFile = z.looseObject({
  model_max_length: z.number().positive().optional(),
  pad_token: namedToken.nullish(),
});

// A token-list post-processor, which the library's types show as a callable of unknown arguments. It joins lists without
// looking into them, so that ids pass through it as tokens do.
type PostProcessor = (
  a: readonly Token[],
  b: readonly Token[] | null,
  special: boolean,
) => { tokens: Token[]; token_type_ids?: number[] };

/**
 * Lengths to which a pair is cut so that both together have at most `limit` tokens: the longer one gives first, and two long
 * ones share evenly, an odd token going to the longer, the second if equal (`LongestFirst` of Hugging Face tokenizers).
 */
export function longestFirst(first: number, second: number, limit: number): [number, number] {
  if (first + second <= limit) return [first, second];
  const short = Math.min(first, second);
  const [low, high] = short <= limit - short ? [short, limit - short] : [Math.floor(limit / 2), Math.ceil(limit / 2)];
  return first > second ? [high, low] : [low, high];
}

/**
 * Reads `tokenizer.json` and `tokenizer_config.json` (optional) of a model folder.
 * @throws EvaluateError (`input`) where a file is missing, too large or no tokenizer this package knows.
 */
export async function loadTokenizer(folder: string): Promise<TextTokenizer> {
  const file = path.join(folder, 'tokenizer.json');
  const definition = await readJson(file, tokenizerFile);
  const config = await readJson(path.join(folder, 'tokenizer_config.json'), configFile, {});
  try {
    const tokenizer = new Tokenizer(definition, config);
    return textTokenizer(tokenizer, config, wordSplit(definition));
  } catch (cause) {
    if (cause instanceof EvaluateError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EvaluateError(
      'input',
      `tokenizer: expected one this version can run, got '${reason}' (${file}); use the model's fast tokenizer`,
      { cause },
    );
  }
}

// Stand for all tokens of the first and of the second text; no id is negative.
const A = -1;
const B = -2;

/** What a template puts where: ids of special tokens, and the two texts' places. */
interface Layout {
  readonly slots: readonly { readonly id: number; readonly type: number }[];
  /** Special tokens in it. */
  readonly special: number;
}

function layoutOf(
  { tokens, token_type_ids: types }: ReturnType<PostProcessor>,
  idOf: (token: Token) => number,
): Layout {
  const slots = tokens.map((token, i) => ({ id: idOf(token), type: types?.[i] ?? 0 }));
  return { slots, special: slots.filter(({ id }) => id >= 0).length };
}

interface Texts {
  readonly a: readonly Token[];
  readonly b: readonly Token[];
  /** Tokens of each that are kept. */
  readonly first: number;
  readonly second: number;
}

function filled({ slots, special }: Layout, { a, b, first, second }: Texts, idOf: (token: Token) => number): TokenIds {
  const inputIds = new Int32Array(special + first + second);
  const tokenTypeIds = new Int32Array(inputIds.length);
  let at = 0;
  for (const { id, type } of slots) {
    const from = at;
    if (id >= 0) inputIds[at++] = id;
    else {
      const tokens = id === A ? a : b;
      const kept = id === A ? first : second;
      for (let i = 0; i < kept; i++) inputIds[at++] = idOf(tokens[i]!);
    }
    if (type !== 0) tokenTypeIds.fill(type, from, at);
  }
  return { inputIds, tokenTypeIds };
}

function textTokenizer(
  tokenizer: Tokenizer,
  config: z.output<typeof configFile>,
  words: WordSplit | undefined,
): TextTokenizer {
  // The library's own arguments leave no room for truncation between tokens and template, so the two steps are taken apart.
  const template: PostProcessor =
    (tokenizer.post_processor as PostProcessor | null) ?? ((a, b) => ({ tokens: [...a, ...(b ?? [])] }));
  const unknown = tokenizer.model?.unk_token_id;
  const idOf = (token: Token): number => {
    const id = typeof token === 'number' ? token : (tokenizer.token_to_id(token) ?? unknown);
    if (id !== undefined) return id;
    throw new EvaluateError(
      'input',
      `tokenizer: expected an id for the token '${token}', got none and no unknown token; check tokenizer.json`,
    );
  };
  const tokenize = (text: string): Token[] => tokenizer.tokenize(text);
  const tokensOf = words ? cachedWords(words, (word) => tokenize(word).map(idOf), tokenize) : tokenize;
  const layouts = { one: layoutOf(template([A], null, true), idOf), two: layoutOf(template([A], [B], true), idOf) };
  const encode: TextTokenizer['encode'] = (text, pair, maxLength) => {
    const a = tokensOf(text);
    const b = pair === undefined ? [] : tokensOf(pair);
    const layout = pair === undefined ? layouts.one : layouts.two;
    const limit = Math.max(0, maxLength - layout.special);
    const [first, second] = longestFirst(a.length, b.length, limit);
    const cut = a.length - first + b.length - second;
    return { ...filled(layout, { a, b, first, second }, idOf), ...(cut > 0 && { cut }) };
  };
  const pad = typeof config.pad_token === 'object' ? config.pad_token?.content : config.pad_token;
  const padId = tokenizer.token_to_id(pad ?? '[PAD]') ?? 0;
  const decode: TextTokenizer['decode'] = (ids) => {
    const tokens = Array.from(ids);
    return tokens.length === 0 ? '' : tokenizer.decode(tokens, { skip_special_tokens: true });
  };
  return { encode, decode, padId, maxLength: config.model_max_length ?? Number.POSITIVE_INFINITY };
}

async function readJson<T>(file: string, schema: z.ZodType<T>, absent?: T): Promise<T> {
  const size = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined && absent !== undefined) return absent;
  if (size === undefined)
    throw new EvaluateError(
      'input',
      `tokenizer: expected a readable file, got none (${file}); name a folder that holds tokenizer.json`,
    );
  if (size > largestFile)
    throw new EvaluateError('input', `tokenizer: expected at most ${largestFile} bytes, got ${size} (${file})`);
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : 'no JSON';
    throw new EvaluateError(
      'input',
      `tokenizer: expected a tokenizer's JSON, got ${reason} (${file}); download the file again`,
      { cause },
    );
  }
}
