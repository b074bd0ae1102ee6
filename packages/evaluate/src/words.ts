import { z } from 'zod';

/** A token by its text, or already by its id. */
export type Token = string | number;

/** Words of a text, each of which is tokenized alike wherever it stands; undefined for a text that is not so simple. */
export type WordSplit = (text: string) => readonly string[] | undefined;

const Added = z.array(z.object({ content: z.string() }));

// What of a tokenizer decides where words end: BERT's steps, and nothing else before its vocabulary.
const BertSteps = z.object({
  normalizer: z.object({ type: z.literal('BertNormalizer'), lowercase: z.boolean(), clean_text: z.literal(true) }),
  pre_tokenizer: z.object({ type: z.literal('BertPreTokenizer') }),
  model: z.object({ type: z.literal('WordPiece') }),
  added_tokens: Added,
});

// The same of GPT-2's and RoBERTa's.
const ByteLevelSteps = z.object({
  normalizer: z.null().optional(),
  pre_tokenizer: z.object({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.literal(false),
    use_regex: z.literal(true).optional(),
  }),
  model: z.object({ type: z.literal('BPE'), dropout: z.null().optional() }),
  added_tokens: Added,
});

const plain = /^[\t\n\r -~]*$/;

// BERT takes every ASCII sign that is neither letter nor digit for a word of its own (BertPreTokenizer).
const bertWord = /[A-Za-z0-9]+|[!-/:-@[-`{-~]/g;

// GPT-2's own expression (ByteLevel of Hugging Face tokenizers).
const byteLevelWord = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/**
 * How a tokenizer divides texts into words, in one step of the regular expression engine: BERT's those in ASCII, GPT-2's and
 * RoBERTa's any; undefined for other tokenizers. Texts with an added token such as `[MASK]` are left to the library.
 */
export function wordSplit(definition: unknown): WordSplit | undefined {
  const bert = BertSteps.safeParse(definition).data;
  if (bert) return bertWords(bert.normalizer.lowercase, addedIn(bert.added_tokens));
  const byteLevel = ByteLevelSteps.safeParse(definition).data;
  if (!byteLevel) return undefined;
  const hasAdded = addedIn(byteLevel.added_tokens);
  return (text) => (hasAdded(text.toLowerCase()) ? undefined : (text.match(byteLevelWord) ?? []));
}

function bertWords(lowercase: boolean, hasAdded: (lower: string) => boolean): WordSplit {
  return (text) => {
    if (!plain.test(text)) return undefined;
    const lower = text.toLowerCase();
    if (hasAdded(lower)) return undefined;
    return (lowercase ? lower : text).match(bertWord) ?? [];
  };
}

/** Whether a lower-case text may hold an added token. */
function addedIn(added: z.output<typeof Added>): (lower: string) => boolean {
  const contents = added.map(({ content }) => content.toLowerCase());
  // Nearly all added tokens begin with the same bracket, which texts seldom hold.
  const marks = [...new Set(contents.map((content) => content[0] ?? ''))];
  return (lower) => marks.some((mark) => lower.includes(mark)) && contents.some((content) => lower.includes(content));
}

/** Words kept; beyond it the table starts anew, so that it stays small for any data. */
const MOST_WORDS = 200_000;

/** A tokenizer that looks words up it has seen before, and leaves texts that are not so simple to `whole`. */
export function cachedWords(
  split: WordSplit,
  idsOf: (word: string) => readonly number[],
  whole: (text: string) => Token[],
): (text: string) => Token[] {
  const seen = new Map<string, readonly number[]>();
  const look = (word: string): readonly number[] => {
    const known = seen.get(word);
    if (known) return known;
    if (seen.size >= MOST_WORDS) seen.clear();
    const ids = idsOf(word);
    seen.set(word, ids);
    return ids;
  };
  return (text) => {
    const words = split(text);
    if (words === undefined) return whole(text);
    const tokens: Token[] = [];
    for (const one of words) for (const id of look(one)) tokens.push(id);
    return tokens;
  };
}
