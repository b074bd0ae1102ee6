import { kinds } from './data.js';
import type { Finding } from './examine.js';

/** Counts of one kind of tests, or of all. */
export interface Summary {
  readonly tests: number;
  /** ONNX Runtime gives the recorded outputs of the file as it is. */
  readonly passes: number;
  /** Of those, the ones that need adapters for Node's binding. */
  readonly adapted: number;
  /** Of those that pass, the ones that pass at times only. */
  readonly unsteady: number;
  /** ONNX Runtime gives the recorded outputs after read → write; unsteady ones are left out. */
  readonly roundTrips: number;
  /** Of those that pass, the ones written in operator sets 11 to 25. */
  readonly liftable: number;
  /** Of those, the ones that give the recorded outputs again after `lift`. */
  readonly lifted: number;
  /** Read, written, and read again to the same bytes. */
  readonly stable: number;
  /** The written file says all that the file says. */
  readonly kept: number;
  /** Printed and parsed to the same model. */
  readonly text: number;
  /** Every output has a claimed element type and rank. */
  readonly claimed: number;
  /** Every output's dimensions are claimed too. */
  readonly whole: number;
  /** Claims that were compared with declared or recorded types, and with inner tensors in ONNX Runtime. */
  readonly compared: number;
  readonly inner: number;
}

/** What may only become smaller: how many models fall short of it. */
export interface Shortfalls {
  /** Files that the reader refuses. */
  readonly unread: number;
  /** Models with something that the written file does not say. */
  readonly lost: number;
  /** Models of operator sets 11 to 25 that do not give the recorded outputs in set 23. */
  readonly notLifted: number;
  /** Models with an output whose element type or rank is not inferred. */
  readonly withoutInference: number;
  /** Those, and models with an output of which a dimension is not inferred. */
  readonly withoutDimension: number;
}

/** True when the file passes as it is and the written one does not. */
export const failsRoundTrip = ({ original, written, unsteady }: Finding): boolean =>
  original === undefined && written !== undefined && !unsteady;

/** True when lifting fails for another reason than an element type that operator set 23 lacks. */
export const failsLift = ({ lifted }: Finding): boolean =>
  typeof lifted === 'string' && !/expected (a type up to|operands of older element types)/.test(lifted);

const passes = (f: Finding): boolean => f.original === undefined;
const isClaimed = ({ claims }: Finding): boolean => claims?.unclaimed.length === 0;
const isWhole = (f: Finding): boolean => isClaimed(f) && f.claims?.partial.length === 0;

/** Counts of some tests. */
export function summarize(findings: readonly Finding[]): Summary {
  const count = (has: (f: Finding) => boolean) => findings.filter(has).length;
  return {
    tests: findings.length,
    passes: count(passes),
    adapted: count((f) => passes(f) && f.adapters.length > 0),
    unsteady: count((f) => f.unsteady),
    roundTrips: count((f) => passes(f) && f.written === undefined && !f.unsteady),
    liftable: count((f) => f.lifted !== null),
    lifted: count((f) => f.lifted === undefined),
    stable: count((f) => f.read === undefined && f.bytes === undefined),
    kept: count((f) => f.read === undefined && f.kept === undefined),
    text: count((f) => f.read === undefined && f.text === undefined),
    claimed: count(isClaimed),
    whole: count(isWhole),
    compared: findings.reduce((n, f) => n + (f.claims?.compared ?? 0), 0),
    inner: findings.reduce((n, f) => n + (f.inner?.compared ?? 0), 0),
  };
}

/** Counts by kind, and of all under `all`. */
export function byKind(findings: readonly Finding[]): ReadonlyMap<string, Summary> {
  const rows = kinds.map((kind) => [kind, summarize(findings.filter(({ id }) => id.startsWith(`${kind}/`)))] as const);
  return new Map([...rows, ['all', summarize(findings)] as const]);
}

/** How many models fall short. */
export function shortfallsOf(findings: readonly Finding[]): Shortfalls {
  const { tests, kept, liftable, lifted, claimed, whole } = summarize(findings);
  const unread = findings.filter((f) => f.read !== undefined).length;
  return {
    unread,
    lost: tests - unread - kept,
    notLifted: liftable - lifted,
    withoutInference: tests - claimed,
    withoutDimension: tests - whole,
  };
}

/** Tests by operator, those of most tests first. */
export function byOperator(
  findings: readonly Finding[],
  operators: (f: Finding) => readonly string[],
): [operator: string, tests: string[]][] {
  const tests = new Map<string, string[]>();
  for (const finding of findings) {
    for (const op of new Set(operators(finding))) tests.set(op, [...(tests.get(op) ?? []), finding.id]);
  }
  return [...tests].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
}
