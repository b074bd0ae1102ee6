/** What a file says about a part of a model without any effect on its results. */
export interface Notes {
  readonly doc?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Fields of the file that have no counterpart here (device placement, newer formats), as protobuf bytes. */
  readonly unknown?: Uint8Array | undefined;
  /** What a type stands for (`IMAGE`), from ONNX's list of type denotations. */
  readonly denotation?: string | undefined;
  /** What the dimensions of a type stand for (`DATA_BATCH`), '' where nothing is said. */
  readonly axes?: readonly string[] | undefined;
}

const isEmpty = (value: unknown): boolean => value === undefined || value === '';

/** Notes without their empty entries; undefined when nothing is left. */
export function notesOf(entries: Notes): Notes | undefined {
  const said = Object.entries(entries).filter(([, value]) => !isEmpty(value));
  return said.length > 0 ? Object.fromEntries(said) : undefined;
}
