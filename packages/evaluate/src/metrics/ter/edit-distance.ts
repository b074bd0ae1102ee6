const BEAM_WIDTH = 25;
const INFINITE = 1_000_000_000;

/** A step from the words to the reference: keep, replace, add the reference's word, drop the own word; `unset` outside the beam. */
export const operations = { unset: 0, keep: 1, replace: 2, insert: 3, drop: 4 } as const;

interface Matrix {
  readonly costs: Int32Array;
  readonly steps: Uint8Array;
}

/**
 * Edit distances of orders of the same words to a reference, in a beam around the diagonal as sacreBLEU's
 * `BeamEditDistance`; words are numbers. The rows of the last `align` serve orders that begin alike.
 */
export class EditDistance {
  readonly #reference: Int32Array;
  readonly #length: number;
  readonly #ratio: number;
  readonly #beam: number;
  readonly #base: Matrix;
  readonly #trial: Matrix;

  constructor(reference: Int32Array, length: number) {
    this.#reference = reference;
    this.#length = length;
    this.#ratio = length > 0 ? reference.length / length : 1;
    this.#beam = BEAM_WIDTH < this.#ratio / 2 ? Math.ceil(this.#ratio / 2 + BEAM_WIDTH) : BEAM_WIDTH;
    this.#base = this.#matrix();
    this.#trial = this.#matrix();
  }

  #matrix(): Matrix {
    const width = this.#reference.length + 1;
    const costs = new Int32Array(width * (this.#length + 1));
    const steps = new Uint8Array(costs.length);
    for (let j = 0; j < width; j++) {
      costs[j] = j;
      steps[j] = operations.insert;
    }
    return { costs, steps };
  }

  // Rows `from` + 1 to the last of a matrix whose row `from` is there; the step order decides between equal costs.
  #fill({ costs, steps }: Matrix, words: Int32Array, from: number): number {
    const reference = this.#reference;
    const [rows, columns] = [this.#length, reference.length];
    const width = columns + 1;
    costs.fill(INFINITE, (from + 1) * width);
    steps.fill(operations.unset, (from + 1) * width);
    for (let i = from + 1; i <= rows; i++) {
      const diagonal = Math.floor(i * this.#ratio);
      const first = Math.max(0, diagonal - this.#beam);
      const end = i === rows ? width : Math.min(width, diagonal + this.#beam);
      const word = words[i - 1]!;
      for (let j = first, at = i * width + first; j < end; j++, at++) {
        const above = costs[at - width]! + 1;
        if (j === 0) {
          costs[at] = above;
          steps[at] = operations.drop;
          continue;
        }
        const same = word === reference[j - 1];
        let cost = costs[at - width - 1]! + (same ? 0 : 1);
        let step: number = same ? operations.keep : operations.replace;
        if (above < cost) {
          cost = above;
          step = operations.drop;
        }
        if (costs[at - 1]! + 1 < cost) {
          cost = costs[at - 1]! + 1;
          step = operations.insert;
        }
        if (cost >= INFINITE) continue;
        costs[at] = cost;
        steps[at] = step;
      }
    }
    return costs[costs.length - 1]!;
  }

  /** Distance of an order of the words, and the steps from its end to its begin. */
  align(words: Int32Array): { readonly distance: number; readonly backward: readonly number[] } {
    const distance = this.#fill(this.#base, words, 0);
    const backward: number[] = [];
    for (let i = this.#length, j = this.#reference.length; i > 0 || j > 0; ) {
      const step = this.#base.steps[i * (this.#reference.length + 1) + j]!;
      if (step === operations.unset) throw new Error('internal: expected the beam to hold a path, got none');
      backward.push(step);
      if (step !== operations.insert) i--;
      if (step !== operations.drop) j--;
    }
    return { distance, backward };
  }

  /** Distance of an order of the words that begins with the first `common` words of the one last aligned. */
  distance(words: Int32Array, common: number): number {
    const width = this.#reference.length + 1;
    this.#trial.costs.set(this.#base.costs.subarray(common * width, (common + 1) * width), common * width);
    return this.#fill(this.#trial, words, common);
  }
}
