import { type Block, heading, paragraph, table, toHtml, toMarkdown } from './document.js';
import { degreeDistribution } from './figures/degree-distribution.js';
import type { Figure } from './figures/figure.js';
import { headsMap } from './figures/heads-map.js';
import { trainingCurves } from './figures/training-curves.js';
import * as format from './format.js';
import {
  askedTable,
  metricsTable,
  proofNote,
  seedsTable,
  signaturesTable,
  sizeTable,
  structureTable,
  variantsTable,
  zerosNote,
} from './numbers.js';
import type { RunResult } from './run-result.js';
import { LayerTopology } from './topology.js';
import type { TrainingEvent } from './training-event.js';

/** What a report is made of; without `topology` it is read from the run's own structure. */
export interface ReportInput {
  readonly run: RunResult;
  readonly events?: readonly TrainingEvent[];
  readonly topology?: readonly LayerTopology[];
}

/** The files of a report by their path in the report's folder: index.md, index.html (self-contained), figures/*.svg. */
export function renderReport(input: ReportInput): Record<string, string> {
  const figures = renderFigures(input);
  const title = `${input.run.model} on ${input.run.task}`;
  const blocks = reportBlocks(input.run, title, figures);
  return {
    'index.md': toMarkdown(blocks),
    'index.html': toHtml(title, blocks),
    ...Object.fromEntries(figures.map((figure) => [figurePath(figure), figure.svg])),
  };
}

/** The figures for which there is something to show. */
export function renderFigures({ run, events = [], topology = topologyOf(run) }: ReportInput): Figure[] {
  return [
    ...(topology.length === 0 ? [] : [headsMap(topology), degreeDistribution(topology)]),
    ...(events.length === 0 ? [] : [trainingCurves(events)]),
  ];
}

/** Where a figure lies beside the report. */
export function figurePath(figure: Pick<Figure, 'name'>): string {
  return `figures/${figure.name}.svg`;
}

function topologyOf({ structure }: RunResult): LayerTopology[] {
  return structure.flatMap((row) => {
    const layer = LayerTopology.safeParse(row);
    return layer.success ? [layer.data] : [];
  });
}

function reportBlocks(run: RunResult, title: string, figures: readonly Figure[]): Block[] {
  const shown = (name: string): Block[] =>
    figures.flatMap((figure) => (figure.name === name ? [{ kind: 'figure', figure, path: figurePath(figure) }] : []));
  return [
    heading(1, title),
    paragraph('Method ', { code: run.method }, ' on ', { code: run.device }, '.', ...publishedWords(run)),
    heading(2, 'Asked and reached'),
    askedTable(run),
    heading(2, 'Quality'),
    metricsTable(run),
    ...signaturesTable(run),
    ...seedsTable(run),
    heading(2, 'Size and speed'),
    sizeTable(run),
    ...variantsTable(run),
    paragraph(zerosNote(run)),
    paragraph(proofNote(run)),
    heading(2, 'What is left'),
    structureTable(run),
    ...shown('heads'),
    ...shown('degrees'),
    heading(2, 'Training'),
    trainingTable(run),
    ...shown('training'),
  ];
}

function publishedWords({ published }: RunResult): (string | { link: string; to: string })[] {
  if (published === undefined) return [];
  return [' Published as ', { link: published.repo, to: published.url }, `, commit ${published.commit.slice(0, 12)}.`];
}

function trainingTable({ training }: RunResult): Block {
  const { steps, seconds, stepMs, tokens, paddedTokens, best, stoppedEarly } = training;
  const share =
    paddedTokens === 0 ? '' : ` (${format.percent(tokens / paddedTokens)} of those padded to the full length)`;
  return table(
    ['', 'value'],
    [
      ['steps', `${format.integer(steps)}${stoppedEarly ? ', then stopped for want of better scores' : ''}`],
      ...(best
        ? [
            [
              'best score in training',
              `${format.metric(best.score)} ${best.metric} after step ${format.integer(best.step)}${best.kept ? ', whose weights these are' : ''}`,
            ],
          ]
        : []),
      ['time', format.duration(seconds)],
      ['one step, at first and at last', `${format.milliseconds(stepMs.first)}, ${format.milliseconds(stepMs.last)}`],
      ['tokens computed', `${format.integer(tokens)}${share}`],
    ],
  );
}
