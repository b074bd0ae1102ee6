/** What shape inference claims of a test's model, held against what the file declares and what was recorded. */
import {
  allGraphs,
  type Dim,
  dtypeOfCode,
  inferModel,
  type Model,
  type Node,
  showShape,
  type Value,
} from '@neuroprune/onnx';
import type { Case } from './cases.js';
import type { Recorded } from './recorded.js';

/** Sizes of named dimensions in one recorded set. */
export type Bindings = ReadonlyMap<string, number>;

/** How inference did on one model. */
export interface Claims {
  /** Claims that contradict the file or the recorded tensors, and inference that failed; one line each. */
  readonly wrong: readonly string[];
  /** Operators at the root of outputs of the graph with no claimed rank or element type; empty when all are claimed. */
  readonly unclaimed: readonly string[];
  /** Operators at the root of outputs of the graph of known rank with a dimension that is not claimed. */
  readonly partial: readonly string[];
  /** Tensors, inner ones too, whose claims were compared with a declared or recorded type. */
  readonly compared: number;
}

interface Declared {
  readonly value: Value;
  readonly type: ValueType | undefined;
}

type OtherType = NonNullable<Value['type']>;
type ValueType = NonNullable<Extract<OtherType, { kind: 'sequence' | 'optional' }>['element']>;

/** What is known of a value, whatever its kind; undefined when nothing is. */
const typeOf = ({ type, dtype, shape }: Value): ValueType | undefined =>
  type ?? (dtype || shape ? { kind: 'tensor', dtype, shape } : undefined);

/** Forgets all that nodes are said to give; returns it. */
function forget(model: Model): Declared[] {
  const values = allGraphs(model.graph).flatMap(({ nodes }) => nodes.flatMap(({ outputs }) => outputs));
  return values.map((value) => {
    const declared = { value, type: typeOf(value) };
    value.dtype = undefined;
    value.type = undefined;
    value.shape = undefined;
    value.elements = undefined;
    return declared;
  });
}

/** The number a claimed dimension comes to; undefined when it names something that is not bound. */
export function sizeOfDim(dim: Dim, bindings: Bindings): number | undefined {
  if (dim === null || typeof dim === 'number') return dim ?? undefined;
  const factors = dim.split('*').map((part) => (/^\d+$/.test(part) ? Number(part) : bindings.get(part)));
  return factors.reduce<number | undefined>(
    (all, f) => (all === undefined || f === undefined ? undefined : all * f),
    1,
  );
}

/** True unless both are known and differ. */
const agrees = (a: number | undefined, b: number | undefined): boolean => a === undefined || b === undefined || a === b;

/** The type that something recorded has; that of a sequence's elements where there is one of them. */
function recordedType(value: Recorded): ValueType | undefined {
  if (value.kind === 'tensor') return { kind: 'tensor', dtype: dtypeOfCode(value.code), shape: value.dims };
  if (value.kind === 'optional') return { kind: 'optional', element: value.value && recordedType(value.value) };
  const elements = value.items.map(recordedType);
  return { kind: 'sequence', element: elements.length === 1 ? elements[0] : undefined };
}

const show = (type: ValueType): string =>
  type.kind === 'tensor' ? `${type.dtype ?? '?'}${showShape(type.shape)}` : `${type.kind}${inner(type)}`;
const inner = (type: ValueType): string => ('element' in type && type.element ? `(${show(type.element)})` : '');

function fits(claim: ValueType, actual: ValueType, bindings: Bindings): boolean {
  if (claim.kind !== actual.kind) return false;
  if ('element' in claim && 'element' in actual) {
    return !claim.element || !actual.element || fits(claim.element, actual.element, bindings);
  }
  if (claim.kind !== 'tensor' || actual.kind !== 'tensor') return true;
  if (claim.dtype && actual.dtype && claim.dtype !== actual.dtype) return false;
  const [a, b] = [claim.shape, actual.shape];
  if (!a || !b) return true;
  return a.length === b.length && a.every((d, i) => agrees(sizeOfDim(d, bindings), sizeOfDim(b[i] ?? null, bindings)));
}

/** How a claim differs from what a value is, undefined when it does not. */
export function contradiction(value: Value, actual: ValueType, bindings: Bindings): string | undefined {
  const claim = typeOf(value);
  return !claim || fits(claim, actual, bindings)
    ? undefined
    : `${value.name}: claims ${show(claim)}, is ${show(actual)}`;
}

/** The sizes that recorded inputs give to the names in declared shapes. */
export function bind(inputs: readonly Value[], recorded: readonly Recorded[], names: readonly string[]): Bindings {
  const bindings = new Map<string, number>();
  for (const [i, value] of recorded.entries()) {
    const shape = inputs.find(({ name }) => name === names[i])?.shape;
    if (value.kind !== 'tensor') continue;
    for (const [axis, dim] of (shape ?? []).entries()) {
      const size = value.dims[axis];
      if (typeof dim === 'string' && size !== undefined) bindings.set(dim, size);
    }
  }
  return bindings;
}

/** The operator nearest to the inputs that leaves a value unknown in this respect. */
function rootOf(value: Value, unknown: (value: Value) => boolean, seen = new Set<Value>()): string {
  seen.add(value);
  const node: Node | undefined = value.producer;
  const before = node?.inputs.find((v): v is Value => v !== undefined && !seen.has(v) && unknown(v));
  return before ? rootOf(before, unknown, seen) : node ? [node.domain, node.opType].filter(Boolean).join('.') : 'input';
}

/** Elements of one sequence may differ in shape: of them the element type is asked alone. */
function isUnclaimed(value: Value): boolean {
  let type = typeOf(value);
  if (!type || type.kind === 'tensor') return !type?.dtype || !type.shape;
  while (type && 'element' in type) type = type.element;
  return !type || (type.kind === 'tensor' && !type.dtype);
}

const isPartial = (v: Value): boolean => (v.type ? false : !v.shape || v.shape.includes(null));

interface Comparison {
  readonly wrong: readonly string[];
  readonly compared: number;
}

/** Infers a model anew and compares with what the file declares and what was recorded. */
function infer(model: Model, declared: readonly Declared[], { ports, sets }: Case): Comparison {
  try {
    inferAnew(model);
  } catch (cause) {
    return { wrong: [`throws: ${(cause as Error).message}`], compared: 0 };
  }
  const wrong: string[] = [];
  let compared = 0;
  const compare = (value: Value, actual: ValueType | undefined, bindings: Bindings) => {
    if (!actual || !typeOf(value)) return;
    compared++;
    wrong.push(...[contradiction(value, actual, bindings) ?? []].flat());
  };
  const names = ports.inputs.map(({ name }) => name);
  const bindings = sets.map(({ inputs }) => bind(model.graph.inputs, inputs, names));
  for (const { value, type } of declared) compare(value, type, bindings[0] ?? new Map());
  for (const [at, { outputs }] of sets.entries()) {
    for (const [i, recorded] of outputs.entries()) {
      const value = model.graph.outputs[i];
      if (value) compare(value, recordedType(recorded), bindings[at] ?? new Map());
    }
  }
  return { wrong: [...new Set(wrong)], compared };
}

/** Infers a model anew, from what is said of its inputs alone. */
export function inferAnew(model: Model): void {
  forget(model);
  inferModel(model);
}

/** Gives every axis of every input a name of its own while something is done. */
export function withNames<T>({ graph }: Model, act: () => T): T {
  const shapes = graph.inputs.map(({ shape }) => shape);
  for (const [i, input] of graph.inputs.entries()) {
    input.shape = input.shape?.map((dim, axis) => (typeof dim === 'string' ? dim : `input${i}_axis${axis}`));
  }
  try {
    return act();
  } finally {
    for (const [i, input] of graph.inputs.entries()) input.shape = shapes[i];
  }
}

/** Infers a model whose values are cleared first: with its inputs' axes named, then as it is. */
export function claimsOf(model: Model, test: Case): Claims {
  const declared = forget(model);
  const named = withNames(model, () => infer(model, declared, test));
  const plain = infer(model, declared, test);
  const { outputs } = model.graph;
  return {
    wrong: [...plain.wrong, ...named.wrong.map((line) => `${line} (axes named)`)],
    unclaimed: outputs.filter(isUnclaimed).map((v) => rootOf(v, isUnclaimed)),
    partial: outputs.filter((v) => !isUnclaimed(v) && isPartial(v)).map((v) => rootOf(v, isPartial)),
    compared: plain.compared + named.compared,
  };
}
