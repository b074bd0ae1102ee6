import type { DType } from './dtype.js';
import type { Notes } from './notes.js';
import type { Shape } from './shape.js';

/** A dense tensor's type; what is not known is undefined. */
export interface TensorType {
  readonly kind: 'tensor';
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
  readonly notes?: Notes | undefined;
}

/** A type other than a dense tensor's (`TypeProto`). */
export type OtherType = { readonly notes?: Notes | undefined } & (
  | { readonly kind: 'sparse'; readonly dtype: DType | undefined; readonly shape: Shape | undefined }
  | { readonly kind: 'sequence' | 'optional'; readonly element: ValueType | undefined }
  | { readonly kind: 'map'; readonly key: DType | undefined; readonly value: ValueType | undefined }
  | { readonly kind: 'opaque'; readonly domain: string; readonly name: string }
);

/** The type of a value. */
export type ValueType = TensorType | OtherType;
