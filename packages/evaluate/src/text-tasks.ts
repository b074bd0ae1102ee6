import { EvaluateError } from './error.js';
import type { BleuOptions } from './metrics/bleu/bleu.js';
import type { ChrfOptions } from './metrics/chrf/chrf.js';
import type { TextMetricKey, TextMetricName } from './metrics/metrics.js';
import type { RougeOptions } from './metrics/rouge/rouge.js';
import { type Recipe, recipe, type Task } from './tasks.js';

/** Where a row has its texts: names of columns, or of a field of a structured one after a dot (`translation.de`). */
export interface TextLayout {
  /** The text that a model reads; of likelihoods, the text itself. */
  readonly source: string;
  /** Texts that what is written is compared with; none for likelihoods. */
  readonly references: readonly string[];
}

/** Options of metrics of texts, by their names. */
export interface TextMetricChoice {
  readonly bleu?: Pick<BleuOptions, 'tokenize' | 'lowercase'>;
  readonly chrf?: Pick<ChrfOptions, 'wordOrder' | 'lowercase'>;
  readonly rouge?: Pick<RougeOptions, 'stemmer'>;
}

/** A task whose models write text or say how likely one is, as data. */
export interface TextTask {
  readonly name: string;
  /** Raised whenever a change of the row changes its numbers, so that results of different versions are not compared. */
  readonly version: number;
  /** Whether a model writes texts, which are compared with references, or is asked how likely a text is. */
  readonly kind: 'generation' | 'likelihood';
  readonly dataset: Task['dataset'];
  readonly splits: Task['splits'];
  /** Layouts of the data set, of which the first counts that a row has; a data set of one's own is met by the same. */
  readonly layouts: readonly TextLayout[];
  /** Whether each row is a text by itself, or all of them are one, an empty line between two; of likelihoods. */
  readonly documents: 'rows' | 'joined';
  readonly metrics: readonly (TextMetricName | 'perplexity')[];
  /** Options of its metrics that differ from the defaults. */
  readonly metricOptions?: TextMetricChoice;
  /** The value that compares models on this task. */
  readonly mainMetric: TextMetricKey | 'perplexity';
  /** Which way `mainMetric` is better. */
  readonly direction: 'higher' | 'lower';
  /** Tokens that are written at most where neither an option nor the model says so. */
  readonly maxNewTokens: number;
  /** Tokens at most: of a source, or of a window in which likelihoods are taken; a model's own limit may be lower. */
  readonly maxLength: number;
  readonly pipelineTag: 'summarization' | 'translation' | 'text-generation';
  /** How a model is trained on it; its `maxLength` holds for source and target each. */
  readonly recipe: Recipe;
}

type Facts = 'dataset' | 'splits' | 'layouts';
type Kind = Omit<TextTask, 'name' | 'version' | Facts>;

const splits = { train: 'train', validation: 'validation', test: 'test' } as const;
const unmeasured = recipe(3, 1e-4);

const summarization: Kind = {
  kind: 'generation',
  documents: 'rows',
  metrics: ['rouge'],
  // As transformers' run_summarization.py.
  metricOptions: { rouge: { stemmer: true } },
  mainMetric: 'rougeL',
  direction: 'higher',
  maxNewTokens: 128,
  maxLength: 1024,
  pipelineTag: 'summarization',
  recipe: { ...unmeasured, maxLength: 512 },
};

const translation: Kind = {
  kind: 'generation',
  documents: 'rows',
  metrics: ['bleu', 'chrf', 'ter'],
  mainMetric: 'bleu',
  direction: 'higher',
  maxNewTokens: 128,
  maxLength: 1024,
  pipelineTag: 'translation',
  recipe: unmeasured,
};

const perplexity: Kind = {
  kind: 'likelihood',
  documents: 'joined',
  metrics: ['perplexity'],
  mainMetric: 'perplexity',
  direction: 'lower',
  maxNewTokens: 1,
  maxLength: 1024,
  pipelineTag: 'text-generation',
  recipe: unmeasured,
};

const articles = { source: 'article', references: ['highlights'] } as const;
const documents = { source: 'document', references: ['summary'] } as const;
const dialogues = { source: 'dialogue', references: ['summary'] } as const;

/** Two languages as fields of a column, as WMT and IWSLT have them, or as columns, as Multi30k has. */
const languages = (from: string, to: string): readonly TextLayout[] => [
  { source: `translation.${from}`, references: [`translation.${to}`] },
  { source: from, references: [to] },
];

const summaries = [articles, documents, dialogues, { source: 'text', references: ['summary'] }] as const;
const texts = ['text', 'story', 'content', 'sentence', 'document'].map((source) => ({ source, references: [] }));

const data = (id: string, config?: string) => ({ id, ...(config !== undefined && { config }), revision: 'main' });

const row = <Name extends string>(name: Name, kind: Kind, facts: Pick<TextTask, Facts>) => ({
  name,
  version: 1,
  ...kind,
  ...facts,
});

const cnn = { dataset: data('abisee/cnn_dailymail', '3.0.0'), splits };
const multi30k = { dataset: data('bentrevett/multi30k'), splits };
const wikitext = { dataset: data('Salesforce/wikitext', 'wikitext-2-raw-v1'), splits };

/**
 * Every task of text by name. `summarization`, `translation` and `perplexity` are those of any data set, whose layout is
 * found; without one they read what their first row does.
 */
export const textTasks = {
  summarization: row('summarization', summarization, { ...cnn, layouts: summaries }),
  translation: row('translation', translation, { ...multi30k, layouts: languages('de', 'en') }),
  perplexity: row('perplexity', perplexity, { ...wikitext, layouts: texts }),
  'cnn-dailymail': row('cnn-dailymail', summarization, { ...cnn, layouts: [articles] }),
  xsum: row('xsum', summarization, { dataset: data('EdinburghNLP/xsum'), splits, layouts: [documents] }),
  samsum: row('samsum', summarization, { dataset: data('knkarthick/samsum'), splits, layouts: [dialogues] }),
  wmt14: row('wmt14', translation, { dataset: data('wmt/wmt14', 'de-en'), splits, layouts: languages('en', 'de') }),
  iwslt2017: row('iwslt2017', translation, {
    dataset: data('IWSLT/iwslt2017', 'iwslt2017-de-en'),
    splits,
    layouts: languages('de', 'en'),
  }),
  multi30k: {
    ...row('multi30k', translation, { ...multi30k, layouts: languages('de', 'en') }),
    // Of a T5 of 1.2 million parameters; chosen on rows held out of the training split.
    recipe: { ...recipe(1, 2e-3), dropout: 0 },
  },
  wikitext: row('wikitext', perplexity, { ...wikitext, layouts: [{ source: 'text', references: [] }] }),
} satisfies Record<string, TextTask>;

/** Name of a task in `textTasks`. */
export type TextTaskName = keyof typeof textTasks;

/** Names of the tasks that take any data set. */
export const openTextTasks = ['summarization', 'translation', 'perplexity'] as const satisfies readonly TextTaskName[];

/** Whether a word is the name of a task of text. */
export const isTextTaskName = (name: string): name is TextTaskName => Object.hasOwn(textTasks, name);

/** The task by its name; throws an input error for a name that is none. */
export function textTask(name: string): TextTask {
  if (isTextTaskName(name)) return textTasks[name];
  throw new EvaluateError('input', `task '${name}': expected one of ${Object.keys(textTasks).join(', ')}`);
}
