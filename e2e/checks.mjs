import { countLine } from '../tools/test/count.mjs';

/**
 * Runs checks one after the other and prints a line for each. A check that others build on (`needed`) skips the rest
 * when it fails.
 */
export class Checks {
  #count = { passed: 0, failed: 0, skipped: 0 };
  #stopped = false;

  /** @param {string} name @param {() => Promise<void>} run */
  async check(name, run, { needed = false } = {}) {
    if (this.#stopped) return this.#say('skipped', name);
    const start = Date.now();
    try {
      await run();
      this.#say('passed', name, `${((Date.now() - start) / 1000).toFixed(1)} s`);
    } catch (error) {
      this.#stopped = needed;
      this.#say('failed', name, error instanceof Error ? error.message : String(error));
    }
  }

  /** Notes a check that cannot run here. @param {string} name @param {string} why */
  skip(name, why) {
    this.#say('skipped', name, why);
  }

  /** Prints the closing line; whether all is well. */
  close() {
    console.log(countLine(this.#count));
    return this.#count.failed === 0;
  }

  /** @param {'passed' | 'failed' | 'skipped'} result */
  #say(result, name, note = '') {
    this.#count[result]++;
    console.log(`${result.padEnd(7)} ${name}${note === '' ? '' : ` (${note})`}`);
  }
}
