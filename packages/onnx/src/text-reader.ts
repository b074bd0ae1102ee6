import { OnnxError } from './errors.js';

const token = /\s+|"(?:[^"\\\n]|\\.)*"|[A-Za-z0-9_.+*/?-]+|[%[\](){}=:,@#!]/y;

/** Graphs, nodes and types inside each other: the reader calls itself for each. */
const MAX_NESTING = 128;

/** Tokens of the text form, one at a time; errors name the line. */
export class TextReader {
  private readonly tokens: { readonly text: string; readonly line: number }[] = [];
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    let line = 1;
    token.lastIndex = 0;
    for (let at = 0; at < source.length; ) {
      const text = token.exec(source)?.[0];
      if (text === undefined) throw new OnnxError(`text, line ${line}: expected a token, got '${source[at]}'`);
      if (text.trim() !== '') this.tokens.push({ text, line });
      line += text.split('\n').length - 1;
      at += text.length;
    }
  }

  /** The next token, '' at the end. */
  get next(): string {
    return this.tokens[this.at]?.text ?? '';
  }

  /** The token after the next one. */
  get afterNext(): string {
    return this.tokens[this.at + 1]?.text ?? '';
  }

  /** An error at the next token. */
  fail(expected: string): never {
    const line = this.tokens[this.at]?.line ?? this.tokens.at(-1)?.line ?? 1;
    throw new OnnxError(`text, line ${line}: expected ${expected}, got ${this.next || 'the end'}`);
  }

  /** Takes the next token. */
  take(): string {
    const { next } = this;
    this.at++;
    return next;
  }

  /** Takes the next token when it is this one. */
  accept(text: string): boolean {
    if (this.next !== text) return false;
    this.at++;
    return true;
  }

  /** Takes this token or throws. */
  expect(text: string): void {
    if (!this.accept(text)) this.fail(`'${text}'`);
  }

  /** A name: a bare word or a quoted one. */
  word(): string {
    if (this.next.startsWith('"')) return this.string();
    if (!/^[A-Za-z0-9_.+*/-]+$/.test(this.next)) this.fail('a name');
    return this.take();
  }

  /** A quoted text. */
  string(): string {
    if (!this.next.startsWith('"')) this.fail('a quoted text');
    try {
      return JSON.parse(this.next) as string;
    } catch {
      return this.fail('a text in JSON quotes');
    } finally {
      this.at++;
    }
  }

  /** An integer. */
  integer(): number {
    if (!/^-?\d+$/.test(this.next)) this.fail('an integer');
    return Number(this.take());
  }

  /** An integer of any size. */
  bigint(): bigint {
    if (!/^-?\d+$/.test(this.next)) this.fail('an integer');
    return BigInt(this.take());
  }

  /** What `read` reads, one level deeper; throws when the text is nested too deep. */
  nested<T>(read: () => T): T {
    if (++this.depth > MAX_NESTING) this.fail(`at most ${MAX_NESTING} levels`);
    const result = read();
    this.depth--;
    return result;
  }

  /** A number, `nan`, `inf` or `-inf`. */
  number(): number {
    const special = specials.get(this.next);
    const value = special ?? Number(this.next);
    if (this.next === '' || (Number.isNaN(value) && special === undefined)) this.fail('a number');
    this.at++;
    return value;
  }

  /** Items up to the closing token, with commas between. */
  list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.accept(close)) {
      if (items.length > 0) this.expect(',');
      items.push(item());
    }
    return items;
  }
}

const specials = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);
