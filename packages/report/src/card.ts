import { type Block, heading, paragraph, toMarkdown } from './document.js';
import type { Figure } from './figures/figure.js';
import { filesOf, loadingOf, type Writes } from './loading.js';
import { askedTable, metricsTable, proofNote, sizeTable, variantsTable, zerosNote } from './numbers.js';
import { figurePath } from './report.js';
import type { RunResult } from './run-result.js';

/** What a card needs beside the run. */
export interface CardOptions {
  /** Repository it is published in, `org/name`. */
  readonly repo: string;
  /** Figures shown, which lie under `figures/` in the repository. */
  readonly figures?: readonly Figure[];
  /** An input to try: one sentence, or two for tasks about pairs. */
  readonly example?: readonly [string] | readonly [string, string];
  /** How the model writes, where it does: after reading a source, or going on with a text. */
  readonly writes?: Writes;
}

/** The body of a model card, Markdown without front matter: numbers, figures, how to load it in three runtimes. */
export function renderCardBody(
  run: RunResult,
  { repo, figures = [], example = ['A sentence to try.'], writes }: CardOptions,
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
    ...loadingOf(writes).flatMap(({ title, language, lines }): Block[] => [
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
