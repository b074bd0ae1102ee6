import { EditDistance, operations } from './edit-distance.js';

const MAX_SHIFT_SIZE = 10;
const MAX_SHIFT_DISTANCE = 50;
const MAX_CANDIDATES = 1000;

/** Which own word stands at or before each place of the reference (−1 before all), and which places are wrong on each side. */
interface Alignment {
  readonly place: readonly number[];
  readonly ownErrors: readonly boolean[];
  readonly referenceErrors: readonly boolean[];
}

function alignment(backward: readonly number[]): Alignment {
  const result = { place: [] as number[], ownErrors: [] as boolean[], referenceErrors: [] as boolean[] };
  let own = -1;
  for (let k = backward.length - 1; k >= 0; k--) {
    const step = backward[k]!;
    const wrong = step !== operations.keep;
    if (step !== operations.insert) {
      own++;
      result.ownErrors.push(wrong);
    }
    if (step !== operations.drop) {
      result.place.push(own);
      result.referenceErrors.push(wrong);
    }
  }
  return result;
}

/** The words with `length` of them from `start` put before position `target`. */
export function shifted(words: Int32Array, start: number, length: number, target: number): Int32Array {
  const part = words.subarray(start, start + length);
  const pieces =
    target < start
      ? [words.subarray(0, target), part, words.subarray(target, start), words.subarray(start + length)]
      : target > start + length
        ? [words.subarray(0, start), words.subarray(start + length, target), part, words.subarray(target)]
        : // Within itself: Tercom moves it on by as many words as the target is in.
          [
            words.subarray(0, start),
            words.subarray(start + length, length + target),
            part,
            words.subarray(length + target),
          ];
  const result = new Int32Array(words.length);
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;
}

/** Runs of up to ten words that both sides have, not more than fifty places apart, in sacreBLEU's order. */
function* commonRuns(
  own: Int32Array,
  reference: Int32Array,
): Generator<[start: number, other: number, length: number]> {
  for (let start = 0; start < own.length; start++) {
    const first = Math.max(0, start - MAX_SHIFT_DISTANCE);
    const end = Math.min(reference.length, start + MAX_SHIFT_DISTANCE + 1);
    for (let other = first; other < end; other++) {
      const most = Math.min(MAX_SHIFT_SIZE, own.length - start, reference.length - other);
      for (let length = 1; length <= most && own[start + length - 1] === reference[other + length - 1]; length++) {
        yield [start, other, length];
      }
    }
  }
}

interface Shift {
  /** Edits saved, length, and begin and target with their signs turned: the greatest in this order is taken. */
  readonly rank: readonly [number, number, number, number];
  readonly words: Int32Array;
}

const isGreater = (a: Shift['rank'], b: Shift['rank']): boolean => {
  const i = a.findIndex((value, k) => value !== b[k]);
  return i >= 0 && a[i]! > b[i]!;
};

const anyIn = (flags: readonly boolean[], start: number, length: number): boolean => {
  for (let i = start; i < start + length; i++) if (flags[i]) return true;
  return false;
};

/** Where a run may go: before the first word, or after the words that stand at the run's places of the reference. */
function* targets(place: readonly number[], other: number, length: number): Generator<number> {
  let previous = -1;
  for (let offset = -1; offset < length && other + offset < place.length; offset++) {
    const target = other + offset === -1 ? 0 : place[other + offset]! + 1;
    if (target !== previous) yield target;
    previous = target;
  }
}

function bestShift(
  own: Int32Array,
  reference: Int32Array,
  distances: EditDistance,
  checkedBefore: number,
): { readonly distance: number; readonly best: Shift | undefined; readonly checked: number } {
  const { distance, backward } = distances.align(own);
  const { place, ownErrors, referenceErrors } = alignment(backward);
  let best: Shift | undefined;
  let checked = checkedBefore;
  for (const [start, other, length] of commonRuns(own, reference)) {
    if (!anyIn(ownErrors, start, length) || !anyIn(referenceErrors, other, length)) continue;
    if (start <= place[other]! && place[other]! < start + length) continue;
    for (const target of targets(place, other, length)) {
      const words = shifted(own, start, length, target);
      const saved = distance - distances.distance(words, Math.min(start, target));
      const rank = [saved, length, -start, -target] as const;
      checked++;
      if (!best || isGreater(rank, best.rank)) best = { rank, words };
    }
    if (checked >= MAX_CANDIDATES) break;
  }
  return { distance, best, checked };
}

/**
 * Least number of edits from words to a reference, shifts of runs counting one each: a greedy search that takes the shift
 * which saves most until none does, over at most 1,000 candidates (Tercom, as sacreBLEU's `translation_edit_rate`).
 */
export function editsWithShifts(words: Int32Array, reference: Int32Array): number {
  if (reference.length === 0) return words.length;
  const distances = new EditDistance(reference, words.length);
  let own = words;
  let checked = 0;
  for (let shifts = 0; ; shifts++) {
    const step = bestShift(own, reference, distances, checked);
    checked = step.checked;
    if (checked >= MAX_CANDIDATES || !step.best || step.best.rank[0] <= 0) return shifts + step.distance;
    own = step.best.words;
  }
}
