/** Recorded inputs and outputs: `TensorProto`, `SequenceProto` and `OptionalProto` (onnx.proto, onnx-data.proto). */
import { fieldsOf, integer, integers, message, messages, text } from './wire.js';

/** The type a model declares for an input or output. */
export type Type =
  | { readonly kind: 'tensor'; readonly code: number }
  | { readonly kind: 'sequence' | 'optional'; readonly element: Type; readonly bytes: Uint8Array }
  | { readonly kind: 'other' };

/** A recorded value; a tensor is kept as the bytes of its `TensorProto`. */
export type Recorded =
  | { readonly kind: 'tensor'; readonly code: number; readonly dims: readonly number[]; readonly bytes: Uint8Array }
  | { readonly kind: 'sequence'; readonly items: readonly Recorded[] }
  | { readonly kind: 'optional'; readonly value: Recorded | undefined };

/** Reads a `TypeProto`; an optional of anything keeps what it holds. */
export function typeOf(bytes: Uint8Array): Type {
  const fields = fieldsOf(bytes);
  const [tensor] = messages(fields, 1);
  if (tensor) return { kind: 'tensor', code: integer(fieldsOf(tensor), 1) };
  for (const [no, kind] of [
    [4, 'sequence'],
    [9, 'optional'],
  ] as const) {
    const [inner] = messages(fields, no);
    if (inner) return { kind, element: typeOf(messages(fieldsOf(inner), 1)[0] ?? new Uint8Array()), bytes };
  }
  return { kind: 'other' };
}

/** An input or output as the graph declares it. */
export interface Port {
  readonly name: string;
  readonly type: Type;
}

/** A graph's inputs (without those that are initializers) and outputs. */
export interface Ports {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** The ports that a serialized model declares. */
export function portsOf(model: Uint8Array): Ports {
  const graph = fieldsOf(messages(fieldsOf(model), 7)[0] ?? new Uint8Array());
  const initializers = new Set(messages(graph, 5).map((t) => text(fieldsOf(t), 8)));
  const ports = (no: number) =>
    messages(graph, no).map((info): Port => {
      const fields = fieldsOf(info);
      return { name: text(fields, 1), type: typeOf(messages(fields, 2)[0] ?? new Uint8Array()) };
    });
  return { inputs: ports(11).filter(({ name }) => !initializers.has(name)), outputs: ports(12) };
}

function readTensor(bytes: Uint8Array): Recorded {
  const fields = fieldsOf(bytes);
  const dims = integers(fields, 1);
  return { kind: 'tensor', code: integer(fields, 2), dims, bytes };
}

/** Reads what a test recorded of a value of this type. */
export function readRecorded(bytes: Uint8Array, type: Type): Recorded {
  if (type.kind === 'sequence') return readSequence(bytes, type.element);
  if (type.kind === 'optional') return readOptional(bytes, type.element);
  return readTensor(bytes);
}

/** `SequenceProto`: tensors are field 3, sequences 5, optionals 7. */
function readSequence(bytes: Uint8Array, element: Type): Recorded {
  const no = { tensor: 3, other: 3, sequence: 5, optional: 7 }[element.kind];
  return { kind: 'sequence', items: messages(fieldsOf(bytes), no).map((item) => readRecorded(item, element)) };
}

/** `OptionalProto`: `elem_type` 1 is a tensor, 3 a sequence; nothing is an empty one. */
function readOptional(bytes: Uint8Array, element: Type): Recorded {
  const fields = fieldsOf(bytes);
  const [value] = [...messages(fields, 3), ...messages(fields, 5)];
  return { kind: 'optional', value: value && readRecorded(value, element) };
}

/** A `TensorProto` under another name; of a field that stands twice the last counts. */
export const named = (tensor: Uint8Array, name: string): Uint8Array => Buffer.concat([tensor, message([8, name])]);
