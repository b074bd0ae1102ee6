/** Runs functions that share a key one after the other. */
export class Locks {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Waits for those before it, then runs `work`; the next one runs whether or not it fails. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    const tail = result.catch(() => undefined);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }
}
