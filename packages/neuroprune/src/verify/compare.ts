/** One tensor compared with its golden value. */
export interface VerifyRow {
  readonly name: string;
  /** Largest absolute difference; null where one side lacks the tensor. */
  readonly maxAbs: number | null;
  /** `maxAbs` relative to the golden tensor's largest magnitude; null where that is 0 or a side is missing. */
  readonly relative: number | null;
  readonly ok: boolean;
  /** What is wrong other than a difference. */
  readonly problem?: 'missing in the golden file' | 'missing in the model' | 'different size';
}

/** The comparison of all tensors, worst first. */
export interface Verification {
  readonly rows: readonly VerifyRow[];
  readonly ok: boolean;
}

/** Values by name, as flat numbers. */
export type Values = ReadonlyMap<string, ArrayLike<number>>;

/** In tolerance: |difference| ≤ relative · largest magnitude of the tensor + absolute · largest gradient of the model. */
export const tolerance = { relative: 1e-4, absolute: 2e-6 } as const;

/** Largest magnitude; NaN where an element is NaN. */
export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    if (!(size <= most)) most = size;
    if (Number.isNaN(size)) return size;
  }
  return most;
}

/** Compares two sets of tensors, name by name over both; a tensor that only one side has fails. */
export function compare(actual: Values, expected: Values): Verification {
  const gradients = [...expected].filter(([name]) => name.startsWith('grad.')).map(([, values]) => largest(values));
  const slack = tolerance.absolute * Math.max(0, ...gradients);
  const names = [...new Set([...expected.keys(), ...actual.keys()])];
  const judged = names.map((name) => judge(name, actual.get(name), expected.get(name), slack));
  judged.sort((a, b) => b.excess - a.excess || (a.row.name < b.row.name ? -1 : 1));
  const rows = judged.map(({ row }) => row);
  return { rows, ok: rows.every((row) => row.ok) };
}

type Judged = { readonly row: VerifyRow; readonly excess: number };

/** `excess` is the difference in units of the tolerance. */
function judge(
  name: string,
  actual: ArrayLike<number> | undefined,
  expected: ArrayLike<number> | undefined,
  slack: number,
): Judged {
  if (!expected) return failed(name, 'missing in the golden file');
  if (!actual) return failed(name, 'missing in the model');
  if (actual.length !== expected.length) return failed(name, 'different size');
  const maxAbs = largest(Float64Array.from(expected, (e, i) => e - (actual[i] as number)));
  const scale = largest(expected);
  const allowed = tolerance.relative * scale + slack;
  const ok = maxAbs <= allowed;
  const relative = scale > 0 ? maxAbs / scale : null;
  const excess = maxAbs === 0 ? 0 : maxAbs / allowed;
  return { row: { name, maxAbs, relative, ok }, excess: Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess };
}

const failed = (name: string, problem: NonNullable<VerifyRow['problem']>): Judged => ({
  row: { name, maxAbs: null, relative: null, ok: false, problem },
  excess: Number.POSITIVE_INFINITY,
});
