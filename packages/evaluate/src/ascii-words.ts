import { z } from 'zod';

/** A token by its text, or already by its id. */
export type Token = string | number;

/** Words of a text, each of which is tokenized alike wherever it stands; undefined for a text that is not so simple. */
export type WordSplit = (text: string) => readonly string[] | undefined;

// What of a tokenizer decides where words end: BERT's steps, and nothing else before its vocabulary.
const BertSteps = z.object({
  normalizer: z.object({ type: z.literal('BertNormalizer'), lowercase: z.boolean(), clean_text: z.literal(true) }),
  pre_tokenizer: z.object({ type: z.literal('BertPreTokenizer') }),
  model: z.object({ type: z.literal('WordPiece') }),
  added_tokens: z.array(z.object({ content: z.string() })),
});

const plain = /^[\t\n\r -~]*$/;

// BERT takes every ASCII sign that is neither letter nor digit for a word of its own (BertPreTokenizer).
const word = /[A-Za-z0-9]+|[!-/:-@[-`{-~]/g;

/**
 * How a BERT tokenizer divides ASCII text into words, in one step of the regular expression engine; undefined for other
 * tokenizers. Texts with other characters, or with an added token such as `[MASK]`, are left to the library.
 */
export function asciiWords(definition: unknown): WordSplit | undefined {
  const steps = BertSteps.safeParse(definition);
  if (!steps.success) return undefined;
  const { normalizer, added_tokens } = steps.data;
  const contents = added_tokens.map(({ content }) => content.toLowerCase());
  // Nearly all added tokens of BERT begin with a bracket, which texts seldom hold.
  const marks = [...new Set(contents.map((content) => content[0] ?? ''))];
  const hasAdded = (lower: string): boolean =>
    marks.some((mark) => lower.includes(mark)) && contents.some((content) => lower.includes(content));
  return (text) => {
    if (!plain.test(text)) return undefined;
    const lower = text.toLowerCase();
    if (hasAdded(lower)) return undefined;
    return (normalizer.lowercase ? lower : text).match(word) ?? [];
  };
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
