import type { GraphBuilder } from '../builder.js';
import { CONTRIB_DOMAIN } from '../contrib.js';
import { OnnxError } from '../errors.js';
import type { Attribute, Model, Value } from '../model.js';
import { eliminateDeadCode } from '../passes/dead-code.js';
import type { PassResult } from '../passes/pass.js';
import { rewriteNodes } from '../passes/rewrite.js';
import { tensor } from '../tensor.js';
import { Constants } from './constants.js';
import { type FourBitOptions, fourBitMatrix } from './four-bit-matrix.js';
import { lazyTensor } from './lazy-tensor.js';
import { type Linear, linearOf } from './linear.js';

/** Sizes of blocks that `MatMulNBits` has kernels for. */
const BLOCK_SIZES = [16, 32, 64, 128, 256];

const int = (value: number): Attribute => ({ type: 'int', value });

/** A weight in four bits: elements, scales and, where blocks have their own, zero points. */
type Stored = readonly Value[];

function stored({ weight, ...linear }: Linear, options: FourBitOptions, constants: Constants): Stored {
  const { inputs, outputs } = linear;
  const blocks = Math.ceil(inputs / options.blockSize);
  const make = () => fourBitMatrix({ weight, ...linear }, options);
  const { scales, zeroPoints } = make();
  const dims = [outputs, blocks, options.blockSize / 2];
  return [
    constants.add(
      `${weight.name}_Q4`,
      lazyTensor('uint8', dims, () => make().packed),
    ),
    constants.add(`${weight.name}_scales`, tensor('float32', [scales.length], scales)),
    ...(zeroPoints
      ? [constants.add(`${weight.name}_zero_points`, tensor('uint8', [zeroPoints.length], zeroPoints))]
      : []),
  ];
}

function product(
  builder: GraphBuilder,
  { x, bias, inputs, outputs }: Linear,
  weight: Stored,
  blockSize: number,
): Value {
  const attributes = { K: int(inputs), N: int(outputs), bits: int(4), block_size: int(blockSize) };
  const [y] = builder.node('MatMulNBits', [x, ...weight], attributes, 1, CONTRIB_DOMAIN) as [Value];
  y.dtype = 'float32';
  y.shape = x.shape && [...x.shape.slice(0, -1), outputs];
  return bias ? builder.op.Add(y, bias) : y;
}

/**
 * Stores the matrices of `Gemm` and `MatMul` in four bits, a scale a block of inputs, and multiplies by them with ONNX
 * Runtime's `MatMulNBits`; activations stay float32, zeros stay zero, and tables that `Gather` reads stay as they are. In
 * place; types are worked out along the way. Blocks of 32 with one zero point, unless asked otherwise.
 */
export function quantizeBlockwise(
  model: Model,
  { blockSize = 32, symmetric = true }: Partial<FourBitOptions> = {},
): PassResult {
  if (!BLOCK_SIZES.includes(blockSize)) {
    throw new OnnxError(`quantizeBlockwise: expected a blockSize of ${BLOCK_SIZES.join(', ')}, got ${blockSize}`);
  }
  const options = { blockSize, symmetric };
  const constants = new Constants(model.graph);
  const known = new Map<string, Stored>();
  const modified = rewriteNodes(model.graph, (node, builder) => {
    const linear = linearOf(node);
    if (!linear) return undefined;
    const key = `${linear.weight.name} ${linear.byOutput}`;
    const weight = known.get(key) ?? stored(linear, options, constants);
    known.set(key, weight);
    return [product(builder, linear, weight, blockSize)];
  });
  if (modified) model.opsets[CONTRIB_DOMAIN] = 1;
  eliminateDeadCode(model);
  return { model, modified };
}
