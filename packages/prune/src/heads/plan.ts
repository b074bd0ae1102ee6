import { PruneError } from '../errors.js';
import { type AttentionLayer, eachOutput, liveHeads } from './attention-layer.js';
import { dominatingHeads, representatives } from './dominating.js';
import { headDistances, headNorms, similarWithin } from './similarity.js';

/** What is to become of a head: `gone` heads did nothing before either (removed earlier, or all zeros). */
export type HeadFate =
  | { readonly fate: 'kept' | 'gone' | 'dropped' }
  | { readonly fate: 'absorbed'; readonly into: number };

/** How many heads to remove: a fixed θ (the paper's 0.15), or the number that stays in the whole model. */
export type HeadTarget = { readonly theta: number } | { readonly keep: number };

/** The fates of all heads of all layers. */
export interface HeadPlan {
  /** θ in force: the given one, or the smallest that comes nearest to the target; 0 where nothing is merged. */
  readonly theta: number;
  readonly layers: readonly (readonly HeadFate[])[];
  /** Heads that stay in the whole model. */
  readonly kept: number;
}

/** Decides which heads go and into whom. With `keep`, pairs count as similar only while they are closer to each other
 * than either is to no head at all; θ is the smallest with the fewest heads not below the target, and heads of least
 * importance go next until the count is reached. One head stays in each layer that has a live one. */
export function planHeads(layers: readonly AttentionLayer[], target: HeadTarget): HeadPlan {
  const states = layers.map((layer) => stateOf(layer, 'keep' in target));
  if ('theta' in target) {
    const merged = states.map((state) => mergesAt(state, target.theta));
    return planOf(target.theta, states, merged);
  }
  if (!Number.isInteger(target.keep) || target.keep < 0)
    throw new PruneError(`heads: expected a whole number of heads to keep, got ${target.keep}`, 'input');
  const { theta, into } = feedback(states, target.keep);
  dropLeast(layers, states, into, target.keep);
  return planOf(theta, states, into);
}

interface State {
  readonly heads: number;
  readonly alive: readonly boolean[];
  readonly distances: Float64Array;
}

/** `into[h]`: the head that stands for h (itself where it stays), or `dropped`. */
type Merges = number[];
const dropped = -1;

function stateOf(layer: AttentionLayer, bounded: boolean): State {
  const distances = headDistances(layer);
  const { heads } = layer;
  if (bounded) {
    const norms = headNorms(layer);
    for (let i = 0; i < heads; i++)
      for (let j = 0; j < heads; j++)
        if (i !== j && distances[i * heads + j]! >= Math.min(norms[i]!, norms[j]!)) distances[i * heads + j] = Infinity;
  }
  return { heads, alive: liveHeads(layer), distances };
}

function mergesAt({ heads, alive, distances }: State, theta: number): Merges {
  return representatives(dominatingHeads(similarWithin(distances, heads, theta, alive)));
}

function keptIn({ alive }: State, into: Merges): number {
  return into.filter((to, head) => to === head && alive[head]).length;
}

/** Tries every distance as θ, ascending: the count of representatives need not fall with each step. */
function feedback(states: readonly State[], keep: number): { theta: number; into: Merges[] } {
  const unmerged = states.map(({ heads }) => Array.from({ length: heads }, (_, h) => h));
  const counts = states.map((state, l) => keptIn(state, unmerged[l]!));
  let best = { theta: 0, into: unmerged, kept: sum(counts) };
  let current = unmerged;
  for (const [theta, touched] of candidates(states)) {
    if (best.kept <= keep) break;
    current = current.map((into, l) => (touched.has(l) ? mergesAt(states[l]!, theta) : into));
    for (const l of touched) counts[l] = keptIn(states[l]!, current[l]!);
    const kept = sum(counts);
    if (kept >= keep && kept < best.kept) best = { theta, into: current, kept };
  }
  return { theta: best.theta, into: best.into.map((merges) => [...merges]) };
}

/** Distances of live pairs in ascending order, each with the layers in which it occurs. */
function candidates(states: readonly State[]): [theta: number, layers: Set<number>][] {
  const found = new Map<number, Set<number>>();
  states.forEach(({ heads, alive, distances }, layer) => {
    for (let i = 0; i < heads; i++)
      for (let j = i + 1; j < heads; j++) {
        const distance = distances[i * heads + j]!;
        if (!alive[i] || !alive[j] || distance === Infinity) continue;
        found.set(distance, (found.get(distance) ?? new Set()).add(layer));
      }
  });
  return [...found].sort(([a], [b]) => a - b);
}

/** Drops whole groups of least importance until `keep` stay; of equal importance the earlier goes. */
function dropLeast(layers: readonly AttentionLayer[], states: readonly State[], into: Merges[], keep: number): void {
  const counts = states.map((state, l) => keptIn(state, into[l]!));
  let excess = sum(counts) - keep;
  const ranked = layers
    .flatMap((layer, l) => importance(layer, into[l]!).map((weight, head) => ({ layer: l, head, weight })))
    .filter(({ layer, head }) => into[layer]![head] === head && states[layer]!.alive[head])
    .sort((a, b) => a.weight - b.weight || a.layer - b.layer || a.head - b.head);
  for (const { layer, head } of ranked) {
    if (excess <= 0) return;
    if (counts[layer]! <= 1) continue;
    into[layer] = into[layer]!.map((to) => (to === head ? dropped : to));
    counts[layer]!--;
    excess--;
  }
}

/** Σ|W_O| of each head with what it absorbs, as a share of its layer. */
function importance(layer: AttentionLayer, into: Merges): number[] {
  const folded = { ...layer, output: layer.output.slice() };
  const size = layer.output.length / layer.hidden / layer.heads;
  into.forEach((to, head) => {
    if (to !== head) eachOutput(layer, head, (i) => (folded.output[i + (to - head) * size]! += layer.output[i]!));
  });
  return headShares(folded);
}

/** Σ|W_O| of each head as a share of its layer's, 0 where the layer has none. */
export function headShares(layer: Pick<AttentionLayer, 'output' | 'heads' | 'hidden'>): number[] {
  const sums = new Array<number>(layer.heads).fill(0);
  for (let head = 0; head < layer.heads; head++)
    eachOutput(layer, head, (i) => {
      sums[head]! += Math.abs(layer.output[i]!);
    });
  const total = sum(sums);
  return sums.map((value) => (total === 0 ? 0 : value / total));
}

function planOf(theta: number, states: readonly State[], merges: readonly Merges[]): HeadPlan {
  const fateOf = (state: State, into: Merges, head: number): HeadFate => {
    if (!state.alive[head]) return { fate: 'gone' };
    if (into[head] === dropped) return { fate: 'dropped' };
    return into[head] === head ? { fate: 'kept' } : { fate: 'absorbed', into: into[head]! };
  };
  return {
    theta,
    layers: states.map((state, l) => merges[l]!.map((_, head) => fateOf(state, merges[l]!, head))),
    kept: sum(states.map((state, l) => keptIn(state, merges[l]!))),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
