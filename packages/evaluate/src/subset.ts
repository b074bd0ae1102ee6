import type { EncodedRow, EncodedRows } from './encode.js';
import { lazyList } from './list.js';
import { shuffledPositions, stream } from './random.js';

/** Some rows of a set, by their positions in it; a view that reads none. */
export function subset(set: EncodedRows, positions: Int32Array): EncodedRows {
  const { rows } = set;
  const tokensOf = rows.tokensOf && ((index: number): number => rows.tokensOf!(positions[index]!));
  const list = lazyList(positions.length, (index): EncodedRow => rows.at(positions[index]!)!);
  const sourceOf = (index: number): number => rows.sourceOf?.(positions[index]!) ?? positions[index]!;
  return { ...setFacts(set), rows: { ...list, sourceOf, ...(tokensOf && { tokensOf }) } };
}

const setFacts = ({ regression, padId }: EncodedRows) => ({ regression, padId });

/** Share of the rows that is held out for validation where a data set has no split for it. */
export const HELD_OUT = { share: 0.1, most: 5000 } as const;

/** Sets the held-out rows' stream apart from those of the epochs, which are keyed by their number. */
const STREAM = 0x686f6c64;

/** Positions of the rows that stay for training and of those held out, both rising; the seed alone decides which. */
export function holdOut(rows: number, seed: number): { readonly train: Int32Array; readonly validation: Int32Array } {
  const count = Math.min(HELD_OUT.most, Math.ceil(rows * HELD_OUT.share));
  const order = shuffledPositions(rows, stream(seed, STREAM));
  return { validation: order.slice(0, count).sort(), train: order.slice(count).sort() };
}
