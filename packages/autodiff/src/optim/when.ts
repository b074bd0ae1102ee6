/** State that changes only where a condition holds: an `If` around what an optimizer writes. */
import type { GraphBuilder, Value } from '@neuroprune/onnx';
import type { Optimizer, Update, UpdateContext } from './optimizer.js';
import { within } from './optimizer.js';

/** Flat names of what an update makes. */
function flatten({ stacks, variables = {}, results = {} }: Update): Record<string, Value> {
  const entries = (kind: string, values: Readonly<Record<string, Value>>) =>
    Object.entries(values).flatMap(([name, v]) => (name === 'g' ? [] : [[`${kind}/${name}`, v] as const]));
  return Object.fromEntries([
    ...stacks.flatMap((made, i) => entries(String(i), made)),
    ...entries('variable', variables),
    ...entries('result', results),
  ]);
}

function unflatten(flat: Readonly<Record<string, Value>>, count: number): Update {
  const of = (kind: string) =>
    Object.fromEntries(
      Object.entries(flat).flatMap(([key, v]) => (key.startsWith(`${kind}/`) ? [[key.slice(kind.length + 1), v]] : [])),
    );
  return {
    stacks: Array.from({ length: count }, (_, i) => of(String(i))),
    variables: of('variable'),
    results: of('result'),
  };
}

/** An `If` whose branches make the same things. */
export function when(
  context: UpdateContext,
  condition: Value,
  branches: { readonly taken: (inner: UpdateContext) => Update; readonly kept: (inner: UpdateContext) => Update },
): Update {
  const { builder } = context;
  const [then, otherwise] = [builder.subgraph(builder.fresh('then')), builder.subgraph(builder.fresh('otherwise'))];
  const made = flatten(branches.taken(within(context, { builder: then })));
  const kept = flatten(branches.kept(within(context, { builder: otherwise })));
  const keys = Object.keys(made);
  for (const key of keys) {
    branchOutput(then, key, made);
    branchOutput(otherwise, key, kept);
  }
  const attributes = { then_branch: then.graph, else_branch: otherwise.graph };
  const results = builder.apply('If', [condition], attributes);
  return unflatten(Object.fromEntries(keys.map((key, i) => [key, results[i] as Value])), context.stacks.length);
}

const branchOutput = (builder: GraphBuilder, key: string, values: Readonly<Record<string, Value>>): Value =>
  builder.output(values[key] as Value, `${builder.graph.name}/${key}`);

/** The state as it was, and zeros as results. */
export const unchanged = (context: UpdateContext, results: readonly string[]): Update => ({
  stacks: context.stacks.map(({ w, slots }) => ({ w, ...slots })),
  variables: context.variables,
  results: Object.fromEntries(results.map((name) => [name, context.builder.scalar(0)])),
});

/** The context as an inner optimizer sees it: its own slots and variables only. */
export function inside(context: UpdateContext, { init }: Optimizer): UpdateContext {
  const pick = (all: Readonly<Record<string, Value>>, names: object) =>
    Object.fromEntries(Object.keys(names).map((name) => [name, all[name] as Value]));
  return within(context, {
    stacks: context.stacks.map((stack) => ({ ...stack, slots: pick(stack.slots, init.slots) })),
    variables: pick(context.variables, init.variables ?? {}),
  });
}
