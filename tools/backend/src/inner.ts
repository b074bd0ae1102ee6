/** Claims of tensors inside a model, held against what ONNX Runtime makes of them. */
import type { DType, Model, Value } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { type Adapters, adapt, adaptersOf, native } from './adapt.js';
import type { Case } from './cases.js';
import { feed } from './ort.js';
import { type Bindings, bind, contradiction, inferAnew, sizeOfDim, withNames } from './shapes.js';
import { message, type Part } from './wire.js';

/** Inner tensors that were fetched and those whose claims are wrong. */
export interface Inner {
  readonly compared: number;
  readonly wrong: readonly string[];
}

const names = new Set(Object.values(native));

/** How the claimed elements of a computed shape differ from the computed ones. */
function wrongElements({ name, elements }: Value, data: ArrayLike<number | bigint>, bindings: Bindings) {
  const got = Array.from(data, Number);
  const fits = !elements || elements.every((d, i) => (sizeOfDim(d, bindings) ?? got[i]) === got[i]);
  return fits && (elements?.length ?? got.length) === got.length
    ? undefined
    : `${name}: claims the elements ${elements}, is ${got}`;
}

/** Compares, in the first recorded set, all tensors between the nodes of a model (with claims) that runs as `bytes`; claims with named axes too. */
export async function innerClaims(model: Model, bytes: Uint8Array, { ports, sets }: Case): Promise<Inner> {
  const outputs = new Set(model.graph.outputs);
  const inner = model.graph.nodes
    .flatMap((node) => node.outputs)
    .filter((v) => v.name !== '' && v.dtype && v.shape && names.has(v.dtype) && !outputs.has(v));
  const [set] = sets;
  const inputNames = ports.inputs.map(({ name }) => name);
  if (inner.length === 0 || !set) return { compared: 0, wrong: [] };
  const adapters = adaptersOf(ports, set);
  const fetch = inner.map(({ name }): Part => [12, message([1, name])]);
  const exposed: Adapters = { ...adapters, after: [...adapters.after, ...fetch], reasons: ['inner tensors'] };
  const session = await ort.InferenceSession.create(adapt(bytes, exposed), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  try {
    const feeds = Object.fromEntries(adapters.feeds.map((f) => [f.name, feed(f.tensor)]));
    const results = await session.run(
      feeds,
      inner.map(({ name }) => name),
    );
    const compare = () => {
      const bindings = bind(model.graph.inputs, set.inputs, inputNames);
      return inner.flatMap((v) => {
        const { type, dims, data } = results[v.name] as ort.Tensor;
        // The binding's names of element types are the package's.
        const found = contradiction(v, { kind: 'tensor', dtype: type as DType, shape: dims }, bindings);
        return found ?? wrongElements(v, data as ArrayLike<number | bigint>, bindings) ?? [];
      });
    };
    const plain = compare();
    const named = withNames(model, () => {
      inferAnew(model);
      return compare();
    });
    return { compared: 2 * inner.length, wrong: [...plain, ...named.map((line) => `${line} (axes named)`)] };
  } finally {
    await session.release();
  }
}
