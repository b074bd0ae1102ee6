/** A protobuf message may not be larger than this (2 GiB, protobuf's own limit). */
export const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/** Dimensions a tensor or a type may have. */
export const MAX_RANK = 64;

/** All external data one model may refer to. */
export const MAX_EXTERNAL_BYTES = 2 ** 36;

/** Smaller initializers stay in the model when the others go to a file. */
export const MIN_EXTERNAL_BYTES = 1024;

/** External tensors start at multiples of this, so that readers can map them (onnx/docs/ExternalData.md). */
export const EXTERNAL_ALIGNMENT = 4096;

/** Elements of a list that is not raw bytes: each takes many times its size in the file. */
export const MAX_TYPED_ELEMENTS = 2 ** 25;
