const BEAM_WIDTH = 25;
const INFINITE = 1_000_000_000;

/** A step from the words to the reference: keep, replace, add the reference's word, drop the own word; `unset` outside the beam. */
export const operations = { unset: 0, keep: 1, replace: 2, insert: 3, drop: 4 } as const;

/**
 * Edit distances of orders of the same words to a reference, in a beam around the diagonal as sacreBLEU's
 * `BeamEditDistance`; words are numbers. The rows of the last `align` serve orders that begin alike.
 */
export class EditDistance {
  readonly #reference: Int32Array;
  readonly #length: number;
  readonly #ratio: number;
  readonly #beam: number;
  /** One row a word, the first for none; what lies outside the beam stays infinite and unset. */
  readonly #costs: readonly Int32Array[];
  readonly #steps: readonly Uint8Array[];
  readonly #trial: readonly [Int32Array, Int32Array];

  constructor(reference: Int32Array, length: number) {
    const width = reference.length + 1;
    this.#reference = reference;
    this.#length = length;
    this.#ratio = length > 0 ? reference.length / length : 1;
    this.#beam = BEAM_WIDTH < this.#ratio / 2 ? Math.ceil(this.#ratio / 2 + BEAM_WIDTH) : BEAM_WIDTH;
    this.#costs = Array.from({ length: length + 1 }, () => new Int32Array(width).fill(INFINITE));
    this.#steps = Array.from({ length: length + 1 }, () => new Uint8Array(width));
    this.#trial = [new Int32Array(width), new Int32Array(width)];
    for (let j = 0; j < width; j++) this.#costs[0]![j] = j;
    this.#steps[0]!.fill(operations.insert);
  }

  // The cells of row i in the beam, from the row above; the order of the steps decides between equal costs.
  #row(i: number, word: number, above: Int32Array, costs: Int32Array, steps: Uint8Array | undefined): void {
    const reference = this.#reference;
    const width = costs.length;
    const diagonal = Math.floor(i * this.#ratio);
    const first = Math.max(0, diagonal - this.#beam);
    const end = i === this.#length ? width : Math.min(width, diagonal + this.#beam);
    let left = INFINITE;
    for (let j = first; j < end; j++) {
      const dropped = above[j]! + 1;
      const same = j > 0 && word === reference[j - 1];
      let cost = j > 0 ? above[j - 1]! + (same ? 0 : 1) : INFINITE;
      let step: number = same ? operations.keep : operations.replace;
      if (dropped < cost) {
        cost = dropped;
        step = operations.drop;
      }
      if (left + 1 < cost) {
        cost = left + 1;
        step = operations.insert;
      }
      left = Math.min(cost, INFINITE);
      costs[j] = left;
      if (steps) steps[j] = cost < INFINITE ? step : operations.unset;
    }
    if (first > 0) costs[first - 1] = INFINITE;
  }

  /** Distance of an order of the words, and the steps from its end to its begin. */
  align(words: Int32Array): { readonly distance: number; readonly backward: readonly number[] } {
    for (let i = 1; i <= this.#length; i++) {
      this.#row(i, words[i - 1]!, this.#costs[i - 1]!, this.#costs[i]!, this.#steps[i]!);
    }
    const backward: number[] = [];
    for (let i = this.#length, j = this.#reference.length; i > 0 || j > 0; ) {
      const step = this.#steps[i]![j]!;
      if (step === operations.unset) throw new Error('internal: expected the beam to hold a path, got none');
      backward.push(step);
      if (step !== operations.insert) i--;
      if (step !== operations.drop) j--;
    }
    return { distance: this.#costs[this.#length]!.at(-1)!, backward };
  }

  /** Distance of an order of the words that begins with the first `common` words of the one last aligned. */
  distance(words: Int32Array, common: number): number {
    let above = this.#costs[common]!;
    for (const row of this.#trial) row.fill(INFINITE);
    for (let i = common + 1; i <= this.#length; i++) {
      const costs = this.#trial[i % 2]!;
      this.#row(i, words[i - 1]!, above, costs, undefined);
      above = costs;
    }
    return above.at(-1)!;
  }
}
