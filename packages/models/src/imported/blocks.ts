import type { Model, Node } from '@neuroprune/onnx';
import type { HeadGroup, LinearNames, PrunableGroups } from '../prunable.js';
import { type AttentionBlock, findAttention, type Search, type Unknown } from './attention-pattern.js';
import type { Linear } from './linear.js';
import { findMlps, type MlpBlock } from './mlp-pattern.js';

/** A layer of a graph: an attention and the feed-forward part after it, at each place where the same weights are used. */
export interface ImportedLayer {
  readonly groups: PrunableGroups;
  readonly sites: readonly { readonly attention: AttentionBlock; readonly mlp: MlpBlock }[];
}

/** What was found in a graph. */
export interface Blocks {
  readonly layers: readonly ImportedLayer[];
  /** What looks like part of a layer and stays dense, a sentence each. */
  readonly unknown: readonly string[];
}

const names = ({ weight, bias }: Linear): LinearNames => ({
  weight: weight.name,
  bias: bias?.name ?? `${weight.name}.bias (none)`,
});

const linearsIn = ({ query, key, value, output }: AttentionBlock, { up, down }: MlpBlock): Linear[] => [
  ...[query, key, value, output],
  ...up,
  down,
];

/** Finds the layers of a graph by how values flow, whatever they are called. */
export function findBlocks(search: Search): Blocks {
  const isFound = <T extends object>(block: T | Unknown): block is T => !('reason' in block);
  const [attentions, mlps] = [findAttention(search), findMlps(search)];
  const order = placesIn(search.model);
  const at = (linear: Linear) => order.get(linear.gemm)!;
  const found = attentions.filter(isFound).sort((a, b) => at(a.output) - at(b.output));
  const parts = mlps.filter(isFound).sort((a, b) => at(a.down) - at(b.down));
  const unknown = [...attentions, ...mlps].flatMap((b) => (isFound(b) ? [] : [`${b.where}: ${b.reason}`]));
  const sites = new Map<string, { attention: AttentionBlock; mlp: MlpBlock }[]>();
  found.forEach((attention, i) => {
    const end = found[i + 1] ? at(found[i + 1]!.output) : Number.POSITIVE_INFINITY;
    const own = parts.filter(({ down }) => at(down) > at(attention.output) && at(down) < end);
    const [mlp, ...more] = own;
    const key = attention.query.weight.name;
    if (!mlp || more.length > 0)
      unknown.push(`${key}: ${own.length} feed-forward parts follow this attention, not one`);
    else sites.set(key, [...(sites.get(key) ?? []), { attention, mlp }]);
  });
  const layers = [...sites.values()].filter((uses) => {
    const reason = sharing(uses, search.linears);
    if (reason) unknown.push(`${uses[0]!.attention.query.weight.name}: ${reason}`);
    return reason === undefined;
  });
  return { layers: named(layers), unknown };
}

/** Why weights that serve at several places cannot be cut as those of one layer; undefined where they can. */
function sharing(uses: ImportedLayer['sites'], linears: readonly Linear[]): string | undefined {
  const beside = uses.map(({ attention, mlp }) => linearsIn(attention, mlp).map(({ weight }) => weight.name));
  if (new Set(beside.map((weights) => weights.join())).size > 1)
    return 'shared with a layer that has other weights beside it';
  const own = new Set(uses.flatMap(({ attention, mlp }) => [...linearsIn(attention, mlp), ...attention.positions]));
  const weights = new Set([...own].map(({ weight }) => weight));
  return linears.some((linear) => weights.has(linear.weight) && !own.has(linear))
    ? 'its weights serve something else too'
    : undefined;
}

/** Layers under names of their own: the path that their parameters share, or a number. */
function named(layers: readonly ImportedLayer['sites'][]): ImportedLayer[] {
  const paths = layers.map(([site]) => sharedPath(linearsIn(site!.attention, site!.mlp)));
  const isUsable = new Set(paths).size === paths.length && paths.every((path) => path !== '');
  return layers.map((sites, i) => ({ sites, groups: groupsOf(isUsable ? paths[i]! : `layer.${i}`, sites[0]!) }));
}

/** The path that the names of most parameters begin with: exporters leave some without a name of their own. */
function sharedPath(linears: readonly Linear[]): string {
  const all = linears.flatMap(({ weight, bias }) => [weight.name, ...(bias ? [bias.name] : [])]);
  const known = all.filter((name) => name.replace(/\.\d+$/, '').includes('.'));
  const [first, ...others] = known.map((name) => name.split('.'));
  if (!first || others.length < 1) return '';
  const length = first.findIndex((part, i) => others.some((parts) => parts[i] !== part));
  return first.slice(0, length < 0 ? first.length - 1 : length).join('.');
}

function groupsOf(layer: string, { attention: a, mlp }: ImportedLayer['sites'][number]): PrunableGroups {
  const heads: HeadGroup = {
    kind: 'heads',
    count: a.heads,
    size: a.size,
    query: names(a.query),
    key: names(a.key),
    value: names(a.value),
    output: names(a.output),
    ...(a.queries > 1 && { queries: a.queries }),
  };
  return {
    layer,
    heads,
    neurons: { kind: 'neurons', count: mlp.units, out: mlp.up.map(names), in: [names(mlp.down)] },
  };
}

const placesIn = ({ graph }: Model): ReadonlyMap<Node, number> => new Map(graph.nodes.map((node, i) => [node, i]));
