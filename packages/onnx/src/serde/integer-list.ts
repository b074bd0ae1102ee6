/** A growing list of 64-bit integers; an array of `bigint` would take four times the memory. */
export class IntegerList {
  private array = new BigInt64Array(8);
  private count = 0;

  /** Appends one and says how many there are. */
  push(value: bigint): number {
    if (this.count === this.array.length) {
      const longer = new BigInt64Array(2 * this.count);
      longer.set(this.array);
      this.array = longer;
    }
    this.array[this.count++] = value;
    return this.count;
  }

  /** All of them, in an array of their own. */
  values(): BigInt64Array<ArrayBuffer> {
    return this.array.slice(0, this.count);
  }
}
