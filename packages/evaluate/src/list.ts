/** Items by position; an array is one, and so is what makes an item only when it is asked for. */
export interface List<T> extends Iterable<T> {
  readonly length: number;
  readonly at: (index: number) => T | undefined;
}

/** A list whose items are made anew each time they are asked for; undefined past either end. */
export function lazyList<T>(length: number, make: (index: number) => T): List<T> {
  return {
    length,
    at: (index) => (index >= 0 && index < length ? make(index) : undefined),
    *[Symbol.iterator]() {
      for (let i = 0; i < length; i++) yield make(i);
    },
  };
}
