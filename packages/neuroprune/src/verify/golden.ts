import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { readSafetensors } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import { z } from 'zod';
import { NeuropruneError } from '../error.js';
import type { Values } from './compare.js';

/** What a golden file holds: a batch, the values it must give, and parameters that the model's own file lacks. */
export interface Golden {
  /** Columns of the logits. */
  readonly columns: number;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Class indices [batch] (int64) or scores [batch] (float32); of a language model the tokens [batch, sequence] (int64). */
  readonly labels: Tensor;
  /** Whether the logits are those of tokens, [batch, sequence, vocabulary]. */
  readonly tokens: boolean;
  /** `logits`, `loss`, `grad.<parameter>`, and `norm.grad.<parameter>` where only the gradient's length is known. */
  readonly expected: Values;
  /** Every tensor of the file, for parameters stored beside the values (a task head). */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const compared = /^(logits|loss|grad\..+)$/;

/** Reads a golden file; values come from its `f64.` tensors where it has them. */
export async function readGolden(path: string): Promise<Golden> {
  const tensors = await readSafetensors(path, { only: (name) => !name.startsWith('adamw.') });
  const need = (name: string) => {
    const found = tensors.get(name);
    if (found) return found;
    throw new NeuropruneError('input', `${basename(path)}: expected a tensor ${name}, got none; is it a golden file?`);
  };
  const ids = need('input_ids');
  const { dims } = need('logits');
  const [rows, columns] = [dims.slice(0, -1), dims.at(-1) ?? 0];
  const inputs = new Map(
    [ids, need('attention_mask'), tensors.get('token_type_ids') ?? zerosLike(ids)].map((t, i) => [
      inputNames[i] ?? '',
      integers(t, ids.dims, `${basename(path)}: ${inputNames[i]}`),
    ]),
  );
  const target = tensors.get('decoder_input_ids');
  if (target) inputs.set('decoder_input_ids', integers(target, rows, `${basename(path)}: decoder_input_ids`));
  const names = new Set([...tensors.keys()].map((name) => name.replace(/^f64\./, '')).filter((n) => compared.test(n)));
  const values = [...names].map((name) => [name, valuesOf(tensors.get(`f64.${name}`) ?? need(name))] as const);
  const norms = [...(await gradientNorms(path))].filter(([name]) => !names.has(name));
  const expected = new Map<string, ArrayLike<number>>([
    ...values,
    ...norms.map(([n, x]) => [`norm.${n}`, [x]] as const),
  ]);
  const labels = ofRows(need('labels'), rows, basename(path));
  return { columns, inputs, labels, tokens: rows.length > 1, expected, tensors };
}

const inputNames = ['input_ids', 'attention_mask', 'token_type_ids'] as const;

const zerosLike = (t: Tensor): Tensor => ({ ...t, dtype: 'int64', data: new BigInt64Array(t.data.length) });

function integers(t: Tensor, dims: readonly number[], where: string): Tensor {
  if (t.dtype !== 'int64' || t.dims.length !== 2 || t.dims.some((d, i) => d !== dims[i])) {
    throw new NeuropruneError('input', `${where}: expected int64 [${dims}] (two axes), got ${t.dtype} [${t.dims}]`);
  }
  return t;
}

function ofRows(labels: Tensor, rows: readonly number[], file: string): Tensor {
  const types = rows.length > 1 ? ['int64'] : ['int64', 'float32'];
  if (String(labels.dims) === String(rows) && types.includes(labels.dtype)) return labels;
  const got = `${labels.dtype} [${labels.dims}]`;
  throw new NeuropruneError('input', `${file}: labels: expected ${types.join(' or ')} [${rows}], got ${got}`);
}

/** Elements of a numeric tensor as they are, float64 included. */
function valuesOf(t: Tensor): ArrayLike<number> {
  if (t.dtype === 'float32' || t.dtype === 'float64') return t.data as Float32Array | Float64Array;
  throw new NeuropruneError('input', `golden values: expected float32 or float64, got ${t.dtype}`);
}

const Norms = z.object({ gradient_l2_f64: z.record(z.string(), z.number()) });

/** Lengths of gradients too large to store, by `grad.<parameter>`, from the JSON file beside a golden file; none where there is none. */
async function gradientNorms(path: string): Promise<Map<string, number>> {
  const text = await readFile(path.replace(/\.safetensors$/, '.json'), 'utf8').catch(() => '{}');
  const parsed = Norms.safeParse(safeJson(text));
  const norms = parsed.success ? Object.entries(parsed.data.gradient_l2_f64) : [];
  return new Map(norms.map(([name, norm]) => [`grad.${name}`, norm]));
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
