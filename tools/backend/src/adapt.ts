/**
 * Node's binding of ONNX Runtime takes and gives plain tensors of some element types. The ports of a serialized model
 * that are of other types get adapters: inputs become initializers (and operators that pack them into sequences and
 * optionals), outputs get operators that unpack them and cast to float32. The model between them stays as it is, byte
 * for byte, and so the same adapters serve the original and the rewritten file.
 */
import { named, type Port, type Ports, type Recorded, type Type } from './recorded.js';
import { fieldsOf, message, messages, type Part } from './wire.js';

/** Codes of `TensorProto.DataType` that the binding can feed and fetch, with the binding's names. */
export const native: Readonly<Record<number, string>> = {
  ...{ 1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string', 9: 'bool' },
  ...{ 10: 'float16', 11: 'float64', 12: 'uint32', 13: 'uint64' },
};

/** A tensor to fetch, and what it has to equal: a recorded one, or another one that is fetched. */
export interface Expectation {
  readonly name: string;
  readonly expected: Uint8Array | { readonly fetched: string };
}

/** What has to be added to a model so that a recorded set can be run. */
export interface Adapters {
  /** Inputs that a producer stands for, and outputs whose element type the binding refuses to see. */
  readonly dropped: { readonly inputs: ReadonlySet<string>; readonly outputs: ReadonlySet<string> };
  /** Fields of `GraphProto` to stand before and after the graph's own. */
  readonly before: readonly Part[];
  readonly after: readonly Part[];
  /** Recorded tensors that are fed as they are. */
  readonly feeds: readonly { readonly name: string; readonly tensor: Uint8Array }[];
  readonly expectations: readonly Expectation[];
  /** Why adapters were needed, such as `input sequence`; empty without them. */
  readonly reasons: readonly string[];
}

const [FLOAT, BOOL, INT64] = [1, 9, 7];
const NODE = 1;
const INITIALIZER = 5;
const OUTPUT = 12;

const attribute = (name: string, ...parts: readonly Part[]): Part => [5, message([1, name], ...parts)];
const operator = (opType: string, inputs: readonly string[], output: string, ...attributes: readonly Part[]): Part => [
  NODE,
  message(...inputs.map((i): Part => [1, i]), [2, output], [4, opType], ...attributes),
];
const cast = (from: string, to: string): Part => operator('Cast', [from], to, attribute('to', [3, FLOAT], [20, 2]));

function scalar(code: number, value: number): Uint8Array {
  const bytes = new Uint8Array(code === BOOL ? 1 : 8);
  bytes[0] = value;
  return message([2, code], [9, bytes]);
}

/** Collects adapters; names are made so that they clash with none of a test. */
class Collector {
  readonly before: Part[] = [];
  readonly after: Part[] = [];
  readonly dropped = { inputs: new Set<string>(), outputs: new Set<string>() };
  readonly feeds: { name: string; tensor: Uint8Array }[] = [];
  readonly expectations: Expectation[] = [];
  readonly reasons = new Set<string>();

  input({ name, type }: Port, value: Recorded): void {
    if (value.kind === 'tensor' && type.kind === 'tensor') {
      if (native[value.code]) this.feeds.push({ name, tensor: value.bytes });
      else {
        this.reasons.add(`input of element type ${value.code}`);
        this.before.push([INITIALIZER, named(value.bytes, name)]);
      }
      return;
    }
    this.reasons.add(`input ${type.kind}`);
    this.dropped.inputs.add(name);
    this.make(name, type, value);
  }

  /** Produces a value inside the graph. */
  private make(name: string, type: Type, value: Recorded): void {
    if (value.kind === 'tensor') this.before.push([INITIALIZER, named(value.bytes, name)]);
    else if (value.kind === 'sequence') this.makeSequence(name, type, value.items);
    else this.makeOptional(name, type, value.value);
  }

  private makeSequence(name: string, type: Type, items: readonly Recorded[]): void {
    const element = type.kind === 'sequence' ? type.element : type;
    if (items.length === 0) {
      const code = element.kind === 'tensor' ? element.code : FLOAT;
      this.before.push(operator('SequenceEmpty', [], name, attribute('dtype', [3, code], [20, 2])));
      return;
    }
    const names = items.map((_, i) => `${name}__item_${i}`);
    for (const [i, item] of items.entries()) this.make(names[i] as string, element, item);
    this.before.push(operator('SequenceConstruct', names, name));
  }

  private makeOptional(name: string, type: Type, value: Recorded | undefined): void {
    if (type.kind !== 'optional') {
      if (value) this.make(name, type, value);
      return;
    }
    if (value) this.make(`${name}__held`, type.element, value);
    const inner = messages(fieldsOf(messages(fieldsOf(type.bytes), 9)[0] as Uint8Array), 1)[0] as Uint8Array;
    const held = value ? [`${name}__held`] : [];
    this.before.push(operator('Optional', held, name, ...(value ? [] : [attribute('type', [14, inner], [20, 13])])));
  }

  output(name: string, value: Recorded, depth = 0): void {
    if (value.kind === 'tensor') this.outputTensor(name, value, depth);
    else if (value.kind === 'sequence') this.outputSequence(name, value.items, depth);
    else this.outputOptional(name, value.value, depth);
  }

  private outputTensor(name: string, { code, bytes }: Recorded & { kind: 'tensor' }, depth: number): void {
    if (native[code]) {
      this.expect(name, bytes, depth > 0);
      return;
    }
    this.reasons.add(`output of element type ${code}`);
    this.dropped.outputs.add(name);
    const [wanted, got, want] = [`${name}__wanted`, `${name}__got`, `${name}__want`];
    this.after.push([INITIALIZER, named(bytes, wanted)], cast(name, got), cast(wanted, want));
    this.after.push([OUTPUT, message([1, got])], [OUTPUT, message([1, want])]);
    this.expectations.push({ name: got, expected: { fetched: want } });
  }

  private outputSequence(name: string, items: readonly Recorded[], depth: number): void {
    this.reasons.add('output sequence');
    this.after.push(operator('SequenceLength', [name], `${name}__length`));
    this.expect(`${name}__length`, scalar(INT64, items.length), true);
    for (const [i, item] of items.entries()) {
      this.after.push([INITIALIZER, named(scalar(INT64, i), `${name}__at_${i}`)]);
      this.after.push(operator('SequenceAt', [name, `${name}__at_${i}`], `${name}__${i}`));
      this.output(`${name}__${i}`, item, depth + 1);
    }
  }

  private outputOptional(name: string, value: Recorded | undefined, depth: number): void {
    this.reasons.add('output optional');
    this.after.push(operator('OptionalHasElement', [name], `${name}__has`));
    this.expect(`${name}__has`, scalar(BOOL, value ? 1 : 0), true);
    if (!value) return;
    this.after.push(operator('OptionalGetElement', [name], `${name}__held`));
    this.output(`${name}__held`, value, depth + 1);
  }

  private expect(name: string, expected: Uint8Array, made: boolean): void {
    if (made) this.after.push([OUTPUT, message([1, name])]);
    this.expectations.push({ name, expected });
  }
}

/** The adapters for one recorded set. */
export function adaptersOf(
  { inputs, outputs }: Ports,
  set: { inputs: readonly Recorded[]; outputs: readonly Recorded[] },
): Adapters {
  const all = new Collector();
  for (const [i, value] of set.inputs.entries()) all.input(inputs[i] as Port, value);
  for (const [i, value] of set.outputs.entries()) all.output((outputs[i] as Port).name, value);
  return { ...all, reasons: [...all.reasons] };
}

const bytesOf = (parts: readonly Part[]): Uint8Array => message(...parts);

/** A serialized model with its adapters; the same bytes when there are none. */
export function adapt(model: Uint8Array, { dropped, before, after, reasons }: Adapters): Uint8Array {
  if (reasons.length === 0) return model;
  const parts = fieldsOf(model).map(({ no, value, raw }) => {
    if (no !== 7 || typeof value === 'number') return raw;
    const gone: { readonly [no: number]: ReadonlySet<string> } = { 11: dropped.inputs, [OUTPUT]: dropped.outputs };
    const inside = fieldsOf(value).filter((f) => !gone[f.no]?.has(nameOf(f.value)));
    return message([7, Buffer.concat([bytesOf(before), ...inside.map((f) => f.raw), bytesOf(after)])]);
  });
  return Buffer.concat(parts);
}

const nameOf = (info: number | Uint8Array): string =>
  typeof info === 'number' ? '' : Buffer.from(messages(fieldsOf(info), 1)[0] ?? []).toString('utf8');
