import { integer, percent, significant } from '../format.js';
import { element, line, text, ticks } from '../svg.js';
import type { TrainingEvent } from '../training-event.js';
import { type Figure, figure } from './figure.js';

const WIDTH = 720;
const LEFT = 64;
const RIGHT = 56;
const PANEL = 150;
const UPPER = 76;
const LOWER = UPPER + PANEL + 62;
/** More points than this are averaged in groups: there are no more pixels. */
const POINTS = 500;

/** Loss over the steps (thin: as it was, thick: smoothed), and below it the share of zeros and the heads kept. */
export function trainingCurves(events: readonly TrainingEvent[]): Figure {
  const steps: [number, number] = [0, Math.max(1, ...events.map((e) => e.step))];
  const losses = thin(events.map((e) => [e.step, e.loss] as const));
  const smooth = smoothed(losses);
  const finite = losses.map(([, v]) => v).filter(Number.isFinite);
  const loss = panel(UPPER, steps, [0, Math.max(...finite, 1e-9) * 1.05]);
  const zeros = panel(LOWER, steps, [0, 1]);
  const about = { name: 'training', title: 'Loss and sparsity over the run', description: describe(events) };
  return figure(about, WIDTH, LOWER + PANEL + 48, [
    text(20, 28, about.title, { class: 'head' }),
    text(20, UPPER - 14, 'training loss', { class: 'soft' }),
    loss.grid(significant),
    line(losses.map(loss.place), { class: 'faint' }),
    line(smooth.map(loss.place), { class: 'line-a', 'stroke-linejoin': 'round' }),
    text(20, LOWER - 14, 'share of zeros', { class: 'soft' }),
    zeros.grid((v) => percent(v, 0)),
    line(thin(series(events, 'sparsity')).map(zeros.place), { class: 'line-a', 'stroke-linejoin': 'round' }),
    drawHeads(series(events, 'heads'), steps),
    ...ticks(...steps, 6).map((step) =>
      text(zeros.place([step, 0])[0], LOWER + PANEL + 18, integer(step), { class: 'soft', 'text-anchor': 'middle' }),
    ),
    text(LEFT + (WIDTH - LEFT - RIGHT) / 2, LOWER + PANEL + 38, 'step', { class: 'soft', 'text-anchor': 'middle' }),
  ]);
}

type Point = readonly [step: number, value: number];

interface Panel {
  place(point: Point): [x: number, y: number];
  grid(label: (value: number) => string): string;
}

function panel(top: number, [s0, s1]: [number, number], [low, high]: [number, number]): Panel {
  const width = WIDTH - LEFT - RIGHT;
  const place = ([step, value]: Point): [number, number] => [
    LEFT + ((step - s0) / (s1 - s0)) * width,
    top + PANEL - ((value - low) / (high - low)) * PANEL,
  ];
  const grid = (label: (value: number) => string) =>
    ticks(low, high)
      .map((value) => {
        const y = place([s0, value])[1];
        const rule = element('line', { x1: LEFT, x2: LEFT + width, y1: y, y2: y, class: 'rule' });
        return rule + text(LEFT - 8, y + 4, label(value), { class: 'soft', 'text-anchor': 'end' });
      })
      .join('');
  return { place, grid };
}

/** Heads as a staircase with its own scale at the right. */
function drawHeads(points: readonly Point[], steps: [number, number]): string {
  const most = Math.max(0, ...points.map(([, n]) => n));
  if (most === 0) return '';
  const { place } = panel(LOWER, steps, [0, most]);
  const changes = points.filter(([, n], i) => i === 0 || i === points.length - 1 || n !== points[i - 1]![1]);
  const stairs = changes.flatMap(([step, n], i) =>
    i === 0 ? [[step, n] as Point] : [[step, changes[i - 1]![1]] as Point, [step, n] as Point],
  );
  const end = changes.at(-1)![1];
  const far = (n: number) => Math.abs(n - end) / most > 12 / PANEL; // labels may not touch
  const labels = [end, ...[0, most].filter(far)].map((n) =>
    text(WIDTH - RIGHT + 8, place([0, n])[1] + 4, `${n}`, { class: 'b' }),
  );
  return [
    line(stairs.map(place), { class: 'line-b', 'stroke-dasharray': '6 3' }),
    ...labels,
    text(WIDTH - 20, LOWER - 14, 'heads kept (dashed)', { class: 'b', 'text-anchor': 'end' }),
  ].join('');
}

function series(events: readonly TrainingEvent[], key: 'sparsity' | 'heads'): Point[] {
  return events.flatMap((e) => (e[key] === undefined ? [] : [[e.step, e[key]] as const]));
}

/** At most POINTS points: means of groups of neighbours. */
function thin(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / POINTS) || 1;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    return [mean(group.map(([step]) => step)), mean(group.map(([, value]) => value))];
  });
}

/** Mean over a window of about a thirtieth of the run around each point. */
function smoothed(points: readonly Point[]): Point[] {
  const half = Math.floor(points.length / 60);
  return points.map(([step], i) => {
    const near = points.slice(Math.max(0, i - half), i + half + 1).map(([, value]) => value);
    return [step, mean(near.filter(Number.isFinite))];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function describe(events: readonly TrainingEvent[]): string {
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined) return 'No step was recorded.';
  const zeros = last.sparsity === undefined ? '' : `, share of zeros at the end ${percent(last.sparsity)}`;
  const heads = last.heads === undefined ? '' : `, ${last.heads} heads kept`;
  return `Loss from ${significant(first.loss)} at step ${integer(first.step)} to ${significant(last.loss)} at step ${integer(last.step)}${zeros}${heads}.`;
}
