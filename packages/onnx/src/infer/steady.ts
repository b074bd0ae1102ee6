import { allGraphs, type Graph, type Node, type Value } from '../model.js';
import type { Shape } from '../shape.js';
import { bodyOf } from './control.js';

/** What a value is said to be, to go back to. */
function remember(graph: Graph): () => void {
  const values = allGraphs(graph).flatMap(({ inputs, nodes }) => [...inputs, ...nodes.flatMap((n) => n.outputs)]);
  const known = values.map((value) => {
    const { dtype, shape, elements, type } = value;
    return () => Object.assign(value, { dtype, shape, elements, type });
  });
  return () => {
    for (const restore of known) restore();
  };
}

/** True when all that is said of a shape before a run of the body is said of it after the run. */
const holds = (before: Shape | undefined, after: Shape | undefined): boolean =>
  before?.length === after?.length && (before ?? []).every((d, i) => d === null || d === after?.[i]);

interface Carried {
  readonly before: Value;
  readonly after: Value;
  readonly first: Shape;
}

/** What a loop carries and the file says no shape of, where the first state has one. */
const openStates = (node: Node, body: Graph): Carried[] =>
  body.inputs.slice(2).flatMap((before, i) => {
    const [after, first] = [body.outputs[i + 1], node.inputs[i + 2]?.shape];
    return after && first && !before.shape && !before.type ? [{ before, after, first }] : [];
  });

/**
 * States that keep the shape of the first one: a body that is inferred with it and gives it back does so in every run.
 * `infer` infers a graph in place. Bodies with loops in them are left alone, for each level would double the work.
 */
export function steadyStates(node: Node, infer: (body: Graph) => void): void {
  const body = node.opType === 'Loop' && node.domain === '' ? bodyOf(node, 'body') : undefined;
  const open = body ? openStates(node, body) : [];
  if (!body || open.length === 0) return;
  if (allGraphs(body).some(({ nodes }) => nodes.some(({ opType }) => opType === 'Loop'))) return;
  const restore = remember(body);
  for (const { before, first } of open) before.shape = first;
  infer(body);
  if (!open.every(({ before, after }) => holds(before.shape, after.shape))) restore();
}
