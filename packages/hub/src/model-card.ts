import { writeCard } from './card.js';

/** Front matter of a model's card, in the Hub's words. */
export interface ModelCardData {
  readonly language?: string | readonly string[] | undefined;
  readonly license?: string | undefined;
  readonly base_model?: string | readonly string[] | undefined;
  readonly base_model_relation?: 'finetune' | 'quantized' | 'adapter' | 'merge' | undefined;
  readonly datasets?: readonly string[] | undefined;
  readonly metrics?: readonly string[] | undefined;
  readonly pipeline_tag?: string | undefined;
  readonly library_name?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly 'model-index'?: readonly ModelIndex[] | undefined;
  readonly [field: string]: unknown;
}

/** One model's results, as the Hub shows them beside the card. */
export interface ModelIndex {
  readonly name: string;
  readonly results: readonly ModelResult[];
}

/** Measurements of one task on one split of a data set. */
export interface ModelResult {
  readonly task: { readonly type: string; readonly name?: string };
  readonly dataset: {
    readonly type: string; // id on the Hub
    readonly name: string;
    readonly config?: string;
    readonly split?: string;
    readonly revision?: string;
  };
  readonly metrics: readonly { readonly type: string; readonly value: number; readonly name?: string }[];
}

/** A model's `README.md`: front matter, then Markdown. Metrics that are no finite numbers are left out. */
export function modelCard({
  frontMatter,
  body,
}: {
  readonly frontMatter: ModelCardData;
  readonly body: string;
}): string {
  const index = frontMatter['model-index']?.map(({ name, results }) => ({
    name,
    results: results
      .map((result) => ({ ...result, metrics: result.metrics.filter(({ value }) => Number.isFinite(value)) }))
      .filter(({ metrics }) => metrics.length > 0),
  }));
  return writeCard({ frontMatter: { ...frontMatter, 'model-index': index }, body });
}
