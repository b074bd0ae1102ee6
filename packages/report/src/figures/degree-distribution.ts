import { integer } from '../format.js';
import { element, escapeText, text } from '../svg.js';
import type { DegreeDistribution, LayerTopology } from '../topology.js';
import { type Figure, figure } from './figure.js';

const ROW = 58;
const BARS = 34;
const PANEL = 290;
const LEFT = 76;
const BETWEEN = 36;
const TOP = 84;

/** Fractional degree of hidden units and of input dimensions, a histogram a layer, with mean and standard deviation:
 * hubs stay to the right, dead neurons pile up at zero. */
export function degreeDistribution(layers: readonly LayerTopology[]): Figure {
  const width = LEFT + 2 * PANEL + BETWEEN + 24;
  const height = TOP + layers.length * ROW + 36;
  const about = { name: 'degrees', title: 'Connections that each neuron keeps', description: describe(layers) };
  const right = LEFT + PANEL + BETWEEN;
  return figure(about, width, height, [
    text(20, 28, about.title, { class: 'head' }),
    text(LEFT, 54, 'hidden units (L_in row and L_out column)', { class: 'soft' }),
    text(right, 54, 'input dimensions (columns of Q, K, V)', { class: 'soft' }),
    ...layers.map((layer, row) => {
      const y = TOP + row * ROW;
      return [
        text(20, y + BARS, `layer ${layer.layer}`, { class: 'soft' }),
        histogram(layer.degrees.units, LEFT, y, 'a'),
        histogram(layer.degrees.inputs, right, y, 'b'),
      ].join('');
    }),
    axis(LEFT, height - 48),
    axis(right, height - 48),
  ]);
}

function histogram(d: DegreeDistribution, x: number, y: number, colour: 'a' | 'b'): string {
  const bins = d.histogram.length;
  const largest = Math.max(1, ...d.histogram);
  const step = PANEL / Math.max(1, bins);
  const bars = d.histogram.map((n, bin) => {
    if (n === 0) return '';
    const h = Math.max(1.5, (n / largest) * BARS);
    const tip = `${integer(n)} neurons with a degree from ${(bin / bins).toFixed(2)} to ${((bin + 1) / bins).toFixed(2)}`;
    const box = { x: x + bin * step + 1, y: y + BARS - h, width: step - 2, height: h, rx: 1.5, class: colour };
    return element('rect', box, element('title', {}, escapeText(tip)));
  });
  const base = element('line', { x1: x, x2: x + PANEL, y1: y + BARS + 0.5, y2: y + BARS + 0.5, class: 'rule' });
  const label = text(x + PANEL, y - 5, `mean ${d.mean.toFixed(2)} · sd ${d.sd.toFixed(3)}`, {
    class: 'soft small',
    'text-anchor': 'end',
  });
  return base + bars.join('') + label;
}

function axis(x: number, y: number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((v) => text(x + v * PANEL, y + 14, `${v}`, { class: 'soft small', 'text-anchor': 'middle' }))
    .join('');
}

function describe(layers: readonly LayerTopology[]): string {
  const spread = (values: readonly number[]) =>
    `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;
  const words = (pick: (layer: LayerTopology) => DegreeDistribution) =>
    `mean ${spread(layers.map((l) => pick(l).mean))}, standard deviation ${spread(layers.map((l) => pick(l).sd))}`;
  return `Histograms of the share of connections kept, in each of ${layers.length} layers. Hidden units: ${words((l) => l.degrees.units)}. Input dimensions: ${words((l) => l.degrees.inputs)}.`;
}
