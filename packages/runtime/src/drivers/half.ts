import { allGraphs, float32, type Model } from '@neuroprune/onnx';
import type { ResolvedSession } from '../device.js';
import { RuntimeError } from '../errors.js';
import { halfSum } from '../half-sum.js';
import { createInference } from '../inference.js';

/** Whether a model computes in float16. */
const usesHalf = ({ graph }: Model): boolean =>
  allGraphs(graph).some(({ nodes }) => nodes.some(({ outputs }) => outputs.some(({ dtype }) => dtype === 'float16')));

/** Throws an input error where a model computes in float16 and WebGPU's adapter has no `shader-f16`. */
export async function checkHalf(step: Model, session: ResolvedSession): Promise<void> {
  if (!usesHalf(step)) return;
  await using inference = await createInference(halfSum(), session);
  const outputs = await inference.run(new Map([['x', float32([1])]]), ['y']).catch((cause: Error) => {
    if (!/requires f16/.test(cause.message)) throw cause;
    const message = `precision: expected an adapter with shader-f16 on ${session.device}, got one without; use fp32`;
    throw new RuntimeError(message, 'input', { cause });
  });
  const y = outputs.get('y')?.data[0];
  if (y !== 2) throw new RuntimeError(`precision: expected 1 + 1 in float16 on ${session.device} to be 2, got ${y}`);
}
