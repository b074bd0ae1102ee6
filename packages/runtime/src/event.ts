import {
  type Attribute,
  type Graph,
  GraphBuilder,
  type Model,
  type StepSignature,
  setStepSignature,
  stateOf,
  stepSignature,
  type Value,
} from '@neuroprune/onnx';
import { RuntimeError } from './errors.js';

/** The scalar that says, 1 or 0, after which steps there is an event. */
export const EVENT = 'event';

/**
 * What an event reads and makes besides the state. An event is a model over part of a step's state: inputs that are named as
 * the state's take it, outputs named as the state's after a step replace it, all others are scalars.
 */
export interface EventInterface {
  /** State inputs, and the outputs that replace them. */
  readonly carried: readonly (readonly [input: string, output: string])[];
  readonly scalars: readonly string[];
  readonly results: readonly string[];
}

/** Reads an event's interface off its graph. Throws where it changes state that it does not take. */
export function eventInterface(signature: StepSignature, { graph }: Model): EventInterface {
  const state = new Map(stateOf(signature).map(({ input, output }) => [input, output]));
  const [inputs, outputs] = [graph.inputs, graph.outputs].map((values) => values.map(({ name }) => name)) as [
    string[],
    string[],
  ];
  const carried = inputs.flatMap((name) => (state.has(name) ? [[name, state.get(name) as string] as const] : []));
  const missing = carried.find(([, output]) => !outputs.includes(output));
  if (missing) throw new RuntimeError(`event: expected the output '${missing[1]}' of what it takes, got none`);
  const made = new Set(carried.map(([, output]) => output));
  return {
    carried,
    scalars: inputs.filter((name) => !state.has(name)),
    results: outputs.filter((name) => !made.has(name)),
  };
}

/** The signature of steps with an event after some of them: results of the event are NaN where there is none. */
export function withEventScalars(signature: StepSignature, { scalars, results }: EventInterface): StepSignature {
  return {
    ...signature,
    scalars: [...signature.scalars, EVENT, ...scalars],
    results: [...signature.results, ...results],
  };
}

/** The step with the event inside it, under an `If`; both are used up. */
export function withEvent(step: Model, event: Model): Model {
  const signature = stepSignature(step);
  const own = eventInterface(signature, event);
  const builder = new GraphBuilder(step.graph);
  const outputs = new Map(event.graph.outputs.map((value) => [value.name, value]));
  const flag = builder.op.Greater(builder.input(EVENT, 'float32', []), 0.5);
  const before = own.carried.map(([, output]) => find(step.graph.outputs, output));
  for (const value of before) value.name = builder.fresh('before_event');
  const given = new Map([
    ...own.carried.map(([input], i) => [input, before[i] as Value] as const),
    ...own.scalars.map((name) => [name, builder.input(name, 'float32', [])] as const),
  ]);
  const names = [...own.carried.map(([, output]) => output), ...own.results];
  const attributes: Record<string, Attribute> = {
    then_branch: {
      type: 'graph',
      value: inside(
        event.graph,
        given,
        names.map((name) => outputs.get(name) as Value),
      ),
    },
    else_branch: { type: 'graph', value: unchanged(builder, before, own.results.length) },
  };
  const results = builder.node('If', [flag], attributes, names.length);
  step.graph.outputs = step.graph.outputs.filter((value) => !before.includes(value));
  for (const [i, name] of names.entries()) {
    (results[i] as Value).name = name;
    step.graph.outputs.push(results[i] as Value);
  }
  return setStepSignature(step, withEventScalars(signature, own));
}

/** The event's graph as a branch: it reads values around it in the place of its inputs. */
function inside(graph: Graph, given: ReadonlyMap<string, Value>, outputs: readonly Value[]): Graph {
  const inputs = new Set(graph.inputs);
  for (const node of graph.nodes)
    node.inputs.forEach((value, i) => {
      if (value && inputs.has(value)) node.inputs[i] = given.get(value.name);
    });
  for (const value of [...graph.initializers, ...graph.nodes.flatMap((node) => node.outputs)])
    value.name = `event/${value.name}`;
  return { ...graph, name: 'event', inputs: [], outputs: [...outputs] };
}

/** The branch without an event: the state as it is, and results that are none. */
function unchanged(builder: GraphBuilder, state: readonly Value[], results: number): Graph {
  const branch = builder.subgraph('no_event');
  for (const value of state) branch.graph.outputs.push(branch.op.Identity(value));
  for (let i = 0; i < results; i++) branch.graph.outputs.push(branch.op.Identity(branch.scalar(Number.NaN)));
  return branch.graph;
}

function find(values: readonly Value[], name: string): Value {
  const value = values.find((v) => v.name === name);
  if (!value) throw new RuntimeError(`step graph: expected the output '${name}', got none`);
  return value;
}
