import { bleuTokenizers, openTextTasks, type TextTaskName, textTasks } from '@neuroprune/evaluate';
import { z } from 'zod';
import { count, option, text } from './options.js';

// Object.keys types its result as string[]; the table is a constant.
/** Tasks of text: what models write, or how likely they find it. */
export const TextTask = z.enum(Object.keys(textTasks) as [TextTaskName, ...TextTaskName[]]);

/** What writes the text of a generation task. */
export const GeneratorName = z.enum(['transformers.js', 'neuroprune']);
export type GeneratorName = z.output<typeof GeneratorName>;

const fromModel = "the model's generation_config.json";

/** Options of tasks of text. */
export const writing = {
  numBeams: option(count(1).optional(), {
    description: 'Hypotheses of beam search; 1 takes the best token each time',
    'x-default': `${fromModel}, or 1`,
  }),
  maxNewTokens: option(count(1).optional(), {
    description: 'Tokens that are written at most for a row',
    'x-default': `${fromModel}, or 128`,
  }),
  lengthPenalty: option(z.number().optional(), {
    description: 'Exponent of the length that divides a score of beam search; more favours longer texts',
    'x-default': `${fromModel}, or 1`,
  }),
  earlyStopping: option(z.enum(['true', 'false', 'never']).optional(), {
    description:
      'Whether beam search stops at as many texts as beams: true, when no better one is likely (false) or able (never)',
    'x-default': `${fromModel}, or false`,
  }),
  noRepeatNgramSize: option(count(0).optional(), {
    description: 'No run of so many tokens comes twice in a text; 0 allows all',
    'x-default': `${fromModel}, or 0`,
  }),
  generator: option(GeneratorName.optional(), {
    description: 'What writes the texts; transformers.js is greedy and on the cpu alone',
    'x-default': 'transformers.js where it can, else neuroprune',
  }),
  sourcePrefix: option(text.optional(), { description: 'Text before each source', 'x-default': 'none' }),
  sourceSuffix: option(text.optional(), { description: 'Text after each source', 'x-default': 'none' }),
  maxLength: option(count(2).optional(), {
    description: 'Tokens of a source, or of a window of perplexity, at most',
    'x-default': "the model's limit, or 1024 where that is more",
  }),
  stride: option(count(1).optional(), {
    description: 'Tokens from one window of perplexity to the next',
    'x-default': 'half a window',
  }),
  bleuTokenize: option(z.enum(bleuTokenizers).optional(), {
    description: "Tokenizer of BLEU by sacreBLEU's name; zh for Chinese, char for texts without spaces",
    'x-default': '13a',
  }),
  chrfWordOrder: option(count(0).optional(), {
    description: 'Longest run of words that chrF counts; 2 is chrF++',
    'x-default': '0',
  }),
  lowercase: option(z.boolean().default(false), { description: 'Compute BLEU and chrF of texts in lower case' }),
  rougeStemmer: option(z.boolean().default(true), {
    description: 'Compute ROUGE of stems; --no-rouge-stemmer for words as they are',
  }),
  documents: option(z.enum(['joined', 'rows']).optional(), {
    description: 'Whether perplexity is of all rows as one text, an empty line between two, or of each row by itself',
    'x-default': 'joined',
  }),
} as const;

/** Names of the options that act on tasks whose models write. */
const ofGeneration = [
  'numBeams',
  'maxNewTokens',
  'lengthPenalty',
  'earlyStopping',
  'noRepeatNgramSize',
  'generator',
  'sourcePrefix',
  'sourceSuffix',
] as const satisfies readonly (keyof typeof writing)[];

/** Metrics of texts on which options act, and the value that asks for nothing. */
const ofMetrics = {
  bleuTokenize: { metrics: ['bleu'], idle: undefined },
  chrfWordOrder: { metrics: ['chrf'], idle: undefined },
  lowercase: { metrics: ['bleu', 'chrf'], idle: false },
  rougeStemmer: { metrics: ['rouge'], idle: true },
} as const satisfies { readonly [Name in keyof typeof writing]?: { metrics: readonly string[]; idle: unknown } };

const ofLikelihood = ['stride', 'documents'] as const satisfies readonly (keyof typeof writing)[];

type Asked = { readonly [Name in keyof typeof writing]?: unknown } & {
  readonly metric?: readonly string[] | undefined;
};

/** Refuses options of text where no task is asked on which they act; `tasks` are the names of all that are. */
export function requireTextTask(asked: Asked, tasks: readonly string[], issues: z.core.$RefinementCtx): void {
  const kinds = tasks.flatMap((name) => {
    const found = TextTask.safeParse(name);
    return found.success ? [textTasks[found.data].kind as string] : [];
  });
  const rules = [
    [ofGeneration, 'generation', 'summarization and translation'],
    [ofLikelihood, 'likelihood', 'perplexity'],
  ] as const;
  for (const [names, kind, label] of rules) {
    if (kinds.includes(kind)) continue;
    for (const name of names)
      if (asked[name] !== undefined)
        issues.addIssue({ code: 'custom', path: [name], message: `acts only on tasks of ${label}, got none` });
  }
  requireTextMetric(asked, tasks, issues);
  if (asked.maxLength !== undefined && kinds.length === 0)
    issues.addIssue({
      code: 'custom',
      path: ['maxLength'],
      message: `acts only on tasks of text (${openTextTasks.join(', ')}), got none`,
    });
  const beams = Number(asked.numBeams ?? 1);
  if (asked.generator === 'transformers.js' && (beams > 1 || Number(asked.noRepeatNgramSize ?? 0) > 0))
    issues.addIssue({
      code: 'custom',
      path: ['generator'],
      message: 'expected neuroprune for beams and no-repeat n-grams, got transformers.js',
    });
}

/** Refuses options of a metric that no task has. */
function requireTextMetric(asked: Asked, tasks: readonly string[], issues: z.core.$RefinementCtx): void {
  const texts = tasks.flatMap((name) => TextTask.safeParse(name).data ?? []);
  const there =
    texts.length === 0 ? [] : (asked.metric ?? texts.flatMap((name): readonly string[] => textTasks[name].metrics));
  for (const [name, { metrics, idle }] of Object.entries(ofMetrics)) {
    if (asked[name as keyof typeof ofMetrics] === idle || metrics.some((metric) => there.includes(metric))) continue;
    const message = `acts only on ${metrics.join(' and ')}, got ${there.join(', ') || 'no metric of texts'}`;
    issues.addIssue({ code: 'custom', path: [name], message });
  }
}
