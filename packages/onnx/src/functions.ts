import { OnnxError } from './errors.js';
import { allGraphs, type Model, type ModelFunction, type Node } from './model.js';

/** What calls a function: domain, name and overload. */
export const functionKey = (domain: string, name: string, overload: string): string =>
  JSON.stringify([domain, name, overload]);

const keyOf = ({ domain, graph, overload }: ModelFunction): string => functionKey(domain, graph.name, overload);

/** Functions by what calls them. */
export type Functions = ReadonlyMap<string, ModelFunction>;

/** The functions of a model by what calls them; throws when two are called alike. */
export function functionsOf(model: Model): Functions {
  const functions = new Map<string, ModelFunction>();
  for (const f of model.functions ?? []) {
    if (functions.has(keyOf(f))) {
      throw new OnnxError(`function '${f.domain}::${f.graph.name}': expected each function once, got it again`);
    }
    functions.set(keyOf(f), f);
  }
  return functions;
}

/** The function a node calls, undefined when it is an operator. */
export const calledBy = (node: Node, functions: Functions): ModelFunction | undefined =>
  functions.size > 0 ? functions.get(functionKey(node.domain, node.opType, node.overload)) : undefined;

const calls = (f: ModelFunction, functions: Functions): ModelFunction[] =>
  allGraphs(f.graph).flatMap((g) =>
    g.nodes.flatMap((node) => {
      const called = calledBy(node, functions);
      return called ? [called] : [];
    }),
  );

/** Throws when functions are called alike, or call themselves through any number of others. */
export function checkFunctions(model: Model): void {
  const functions = functionsOf(model);
  const waiting = new Map([...functions.values()].map((f) => [f, new Set(calls(f, functions))]));
  const callers = new Map<ModelFunction, ModelFunction[]>();
  for (const [f, needs] of waiting) {
    for (const need of needs) {
      const list = callers.get(need) ?? [];
      list.push(f);
      callers.set(need, list);
    }
  }
  // Functions that call nothing, then those that call only these, and so on; what is left goes in circles.
  const ready = [...waiting].filter(([, needs]) => needs.size === 0).map(([f]) => f);
  for (let f = ready.pop(); f; f = ready.pop()) {
    waiting.delete(f);
    for (const caller of callers.get(f) ?? []) {
      const needs = waiting.get(caller);
      needs?.delete(f);
      if (needs?.size === 0) ready.push(caller);
    }
  }
  const [circular] = waiting.keys();
  if (circular) {
    throw new OnnxError(
      `function '${circular.domain}::${circular.graph.name}': expected no recursion, got a call of itself`,
    );
  }
}
