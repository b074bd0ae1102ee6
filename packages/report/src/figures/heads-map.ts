import { integer, percent } from '../format.js';
import { element, escapeText, text } from '../svg.js';
import type { HeadState, LayerTopology } from '../topology.js';
import { type Figure, figure } from './figure.js';

const CELL = 34;
const GAP = 4;
const LEFT = 74;
const TOP = 64;
const BOTTOM = 46;

/** Layer × head: which heads stay (stronger where more of Σ|W_O| is theirs), which head absorbed which, which went. */
export function headsMap(layers: readonly LayerTopology[]): Figure {
  const columns = Math.max(1, ...layers.map((l) => l.headStates.length));
  const width = Math.max(430, LEFT + columns * (CELL + GAP) + 20);
  const height = TOP + layers.length * (CELL + GAP) + BOTTOM;
  const about = { name: 'heads', title: 'Attention heads kept', description: describe(layers) };
  return figure(about, width, height, [
    text(20, 28, about.title, { class: 'head' }),
    ...Array.from({ length: columns }, (_, h) =>
      text(x(h) + CELL / 2, TOP - 10, `${h}`, { class: 'soft', 'text-anchor': 'middle' }),
    ),
    ...layers.map((layer, row) => drawLayer(layer, TOP + row * (CELL + GAP))),
    legend(height - 22),
  ]);
}

function x(head: number): number {
  return LEFT + head * (CELL + GAP);
}

function drawLayer(layer: LayerTopology, y: number): string {
  const strongest = Math.max(...layer.headShares, 0) || 1;
  const label = text(20, y + CELL / 2 + 4, `layer ${layer.layer}`, { class: 'soft' });
  const cells = layer.headStates.map((state, head) => {
    const share = layer.headShares[head] ?? 0;
    const tip = element('title', {}, escapeText(`layer ${layer.layer}, head ${head}: ${words(state, share)}`));
    return element('g', { transform: `translate(${x(head)} ${y})` }, [tip, ...drawCell(state, share / strongest)]);
  });
  return label + cells.join('');
}

function drawCell(state: HeadState, strength: number): string[] {
  const box = { width: CELL, height: CELL, rx: 5 };
  switch (state.state) {
    case 'kept':
      return [element('rect', { ...box, class: 'a', 'fill-opacity': `${(0.35 + 0.65 * strength).toFixed(2)}` })];
    case 'absorbed':
      return [
        element('rect', { ...box, class: 'edge', 'stroke-dasharray': '3 3' }),
        text(CELL / 2, CELL / 2 + 4, `→${state.into}`, { 'text-anchor': 'middle' }),
      ];
    case 'removed':
      return [
        element('rect', { ...box, class: 'pale' }),
        text(CELL / 2, CELL / 2 + 4, '×', { class: 'soft', 'text-anchor': 'middle' }),
      ];
  }
}

function legend(y: number): string {
  const entries: [HeadState, string][] = [
    [{ state: 'kept' }, 'kept'],
    [{ state: 'absorbed', into: 3 }, 'absorbed by head 3'],
    [{ state: 'removed' }, 'removed'],
  ];
  return entries
    .map(([state, label], i) => {
      const at = 20 + [0, 80, 240][i]!;
      const key = element('g', { transform: `translate(${at} ${y - 14}) scale(.6)` }, drawCell(state, 0.8));
      return key + text(at + 27, y, label, { class: 'soft' });
    })
    .join('');
}

function words(state: HeadState, share: number): string {
  if (state.state === 'absorbed') return `absorbed by head ${state.into}`;
  return state.state === 'kept' ? `kept, ${percent(share)} of the output weights` : 'removed';
}

function describe(layers: readonly LayerTopology[]): string {
  const all = layers.flatMap((l) => l.headStates);
  const count = (kind: HeadState['state']) => integer(all.filter((h) => h.state === kind).length);
  return `${count('kept')} of ${integer(all.length)} heads in ${layers.length} layers are kept, ${count('absorbed')} were absorbed by a similar head, ${count('removed')} removed.`;
}
