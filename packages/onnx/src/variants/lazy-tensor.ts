import type { DType } from '../dtype.js';
import type { Tensor, TensorArrays } from '../tensor.js';

/** A tensor whose data is worked out anew at each access, so that a converted model takes no memory before it is written. */
export const lazyTensor = <D extends DType>(
  dtype: D,
  dims: readonly number[],
  make: () => TensorArrays[D],
): Tensor<D> => ({
  dtype,
  dims,
  get data() {
    return make();
  },
});
