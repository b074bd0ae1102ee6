/** A protobuf message may not be larger than this (2 GiB, protobuf's own limit). */
export const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/**
 * Messages and names in one model (nodes, attributes, values, dimensions, …). Each takes up to some hundred bytes in memory
 * however few it has in the file; a large language model has some hundred thousand.
 */
export const MAX_PARTS = 2 ** 21;

/** Dimensions a tensor or a type may have. */
export const MAX_RANK = 64;

/** Sequences in sequences, and the like. */
export const MAX_TYPE_DEPTH = 16;

/** All external data one model may refer to; nothing is allocated for it. */
export const MAX_EXTERNAL_BYTES = 2 ** 40;

/** Files of external data one model may refer to, all of which stay open. */
export const MAX_EXTERNAL_FILES = 4096;

/** Smaller external tensors are read with the model, larger ones when their data is asked for. */
export const MIN_LAZY_BYTES = 2 ** 16;

/** All that may be read with the model; beyond it, small tensors wait too. */
export const MAX_EAGER_BYTES = 2 ** 28;

/** Smaller initializers stay in the model when the others go to a file. */
export const MIN_EXTERNAL_BYTES = 1024;

/** External tensors start at multiples of this, so that readers can map them (onnx/docs/ExternalData.md). */
export const EXTERNAL_ALIGNMENT = 4096;

/** Elements of a list that is not raw bytes: one takes up to eight times its size in the file. */
export const MAX_TYPED_ELEMENTS = 2 ** 27;
