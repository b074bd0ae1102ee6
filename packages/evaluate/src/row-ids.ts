import { createHash } from 'node:crypto';
import { EvaluateError } from './error.js';

/** Where a row stands. */
export interface RowPlace {
  readonly file: string;
  /** From 1. */
  readonly row: number;
}

/** The ids of a data set's rows, 8 bytes each, to find one that comes twice. */
export class RowIds {
  private keys = new Float64Array(1024);
  private count = 0;
  private rising = true;
  /** Where each file's rows begin among all. */
  private readonly files: { readonly file: string; readonly start: number; readonly first: number }[] = [];

  constructor(
    private readonly subject: string,
    private readonly column: string,
  ) {}

  /** Adds the next row's id; one that is not there is an error. */
  add(id: unknown, { file, row }: RowPlace): void {
    if (this.files.at(-1)?.file !== file) this.files.push({ file, start: this.count, first: row });
    if (id === undefined || id === null || id === '') {
      throw new EvaluateError(
        'input',
        `${this.subject}: expected an id in column '${this.column}', got nothing (${file}, row ${row}); name another column, or none`,
      );
    }
    const key = keyOf(id);
    if (this.count === this.keys.length) {
      const more = new Float64Array(2 * this.count);
      more.set(this.keys);
      this.keys = more;
    }
    if (this.count > 0 && key <= this.keys[this.count - 1]!) this.rising = false;
    this.keys[this.count++] = key;
  }

  /** Throws an input error that names both rows where an id came twice. */
  check(): void {
    if (this.rising) return;
    const keys = this.keys.subarray(0, this.count);
    const sorted = keys.slice().sort();
    const twice = sorted.find((key, i) => i > 0 && key === sorted[i - 1]);
    if (twice === undefined) return;
    const first = keys.indexOf(twice);
    const [one, other] = [first, keys.indexOf(twice, first + 1)].map((index) => this.placeOf(index));
    throw new EvaluateError(
      'input',
      `${this.subject}: expected different ids in column '${this.column}', got one twice (${one} and ${other}); remove a row, or name another column, or none`,
    );
  }

  private placeOf(index: number): string {
    const { file, start, first } = this.files.findLast((one) => one.start <= index)!;
    return `${file}, row ${first + index - start}`;
  }
}

/** A whole number is its own key; other ids give 48 bits of their SHA-256, negative so as not to meet a number. */
function keyOf(id: unknown): number {
  if (Number.isSafeInteger(id)) return id as number;
  if (typeof id === 'bigint' && Number.isSafeInteger(Number(id))) return Number(id);
  return -1 - createHash('sha256').update(String(id)).digest().readUIntBE(0, 6);
}
