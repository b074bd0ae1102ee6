type NumberArray = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
type ElementOf<A extends NumberArray> = A extends BigInt64Array ? bigint : number;

/** A growing list of numbers in a typed array; plain arrays take several times the memory. */
export class NumberList<A extends NumberArray> {
  private array: A;
  private count = 0;

  constructor(private readonly kind: new (length: number) => A) {
    this.array = new kind(0);
  }

  /** Makes room for so many more. */
  reserve(more: number): void {
    const needed = this.count + more;
    if (needed <= this.array.length) return;
    // What comes in one piece is not followed by more; what comes in many doubles.
    const longer = new this.kind(this.count === 0 ? needed : Math.max(needed, 2 * this.count));
    (longer as Float64Array).set(this.array as Float64Array);
    this.array = longer;
  }

  /** Appends one and says how many there are. */
  push(value: ElementOf<A>): number {
    this.reserve(1);
    (this.array as Float64Array)[this.count++] = value as number;
    return this.count;
  }

  /** All of them, in an array of their own; the list is not used after it. */
  values(): A {
    return (this.count === this.array.length ? this.array : this.array.slice(0, this.count)) as A;
  }
}

/** A list of 64-bit integers. */
export type IntegerList = NumberList<BigInt64Array<ArrayBuffer>>;

/** An empty list of 64-bit integers. */
export const integerList = (): IntegerList => new NumberList(BigInt64Array);
