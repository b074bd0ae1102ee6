import { type Block, heading, paragraph, toMarkdown } from './document.js';
import type { Figure } from './figures/figure.js';
import { filesOf, loadingOf, type Writes } from './loading.js';
import {
  askedTable,
  metricsTable,
  proofNote,
  signaturesTable,
  sizeTable,
  variantsTable,
  zerosNote,
} from './numbers.js';
import { figurePath } from './report.js';
import type { RunResult } from './run-result.js';

/** What a card needs beside the run. */
export interface CardOptions {
  /** Repository it is published in, `org/name`. */
  readonly repo: string;
  /** Figures shown, which lie under `figures/` in the repository. */
  readonly figures?: readonly Figure[];
  /** The model came without source: its weights have a graph's names, which stock transformers does not know. */
  readonly imported?: boolean;
  /** An input to try: one sentence, or two for tasks about pairs. */
  readonly example?: readonly [string] | readonly [string, string];
  /** How the model writes, where it does: after reading a source, or going on with a text. */
  readonly writes?: Writes;
  /** Whether a decoder classifies. */
  readonly decoder?: boolean;
}

/** The body of a model card, Markdown without front matter: numbers, figures, how to load it in three runtimes. */
export function renderCardBody(
  run: RunResult,
  { repo, figures = [], imported = false, example = ['A sentence to try.'], writes, decoder = false }: CardOptions,
): string {
  const name = repo.slice(repo.lastIndexOf('/') + 1);
  return toMarkdown([
    heading(1, name),
    paragraph(
      { code: run.model },
      ' trained on ',
      { code: run.task },
      ' with ',
      { code: run.method },
      ', its dead structure cut out.',
    ),
    heading(2, 'Numbers'),
    askedTable(run),
    metricsTable(run),
    ...signaturesTable(run),
    sizeTable(run),
    ...variantsTable(run),
    paragraph(zerosNote(run)),
    paragraph(proofNote(run)),
    ...figures.map((figure): Block => ({ kind: 'figure', figure, path: figurePath(figure) })),
    heading(2, 'How to load it'),
    paragraph(
      { code: 'model.safetensors' },
      ' has the dense shapes with zeros, ',
      ...filesOf(writes),
      ' the small ones; both give the same logits.',
    ),
    ...(imported ? [namesNote] : []),
    ...loadingOf(writes, decoder)
      .slice(imported ? 1 : 0)
      .flatMap(({ title, language, lines }): Block[] => [
        heading(3, title),
        { kind: 'code', language, lines: lines(repo, example) },
      ]),
    heading(2, 'How it was made'),
    paragraph(
      'Sparse training with head elimination after ',
      { link: 'NeuroPrune', to: 'https://arxiv.org/abs/2404.01306' },
      '. ',
      { code: 'neuroprune.json' },
      ' holds the recipe, the structure and the measurements.',
    ),
  ]);
}

/** Instead of how transformers loads the weights. */
const namesNote = paragraph(
  'The model was trained from an ONNX graph: the weights have the names of its initializers, and ',
  { code: 'dense.onnx' },
  ', which ONNX Runtime runs, is the uncut graph that reads them. They are no checkpoint of transformers.',
);
