import { z } from 'zod';
import { ReportError } from './errors.js';
import { LayerTopology } from './topology.js';

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const pair = z.object({ dense: count, compact: count });

/** A metric: rates are 0 … 1, BLEU, chrF and TER 0 … 100; JSON has no NaN, so null stands for it. */
const Metric = z.union([z.number(), z.nan(), z.null().transform(() => Number.NaN)]);
const Metrics = z.record(z.string(), Metric);

/** What of one layer still does something; the fields beside the first three are absent in early files. */
export const StructureRow = z.object({
  layer: count,
  /** Path of the layer in the model, and what of it the row is about where that is not all. */
  name: z.string().optional(),
  heads: count,
  hiddenUnits: count,
  /** Live input and output dimensions of attention, then of the MLP. */
  inputDims: count.optional(),
  outputDims: count.optional(),
  mlpInputDims: count.optional(),
  mlpOutputDims: count.optional(),
  /** Share of exact zeros in the layer's prunable matrices. */
  zeros: share.optional(),
  /** Weights of those matrices: all, with dead heads and units cut, with dead dimensions cut as well. */
  weights: z.object({ dense: count, cut: z.number(), cutDimensions: z.number() }).optional(),
  ...LayerTopology.omit({ layer: true }).partial().shape,
});
export type StructureRow = z.output<typeof StructureRow>;

/** The result of a run, `run.json`. */
export const RunResult = z.object({
  model: z.string(),
  task: z.string(),
  method: z.string(),
  device: z.string(),
  /** Share of exact zeros in the prunable matrices, over the original dense shapes, cut parts as zeros. */
  sparsity: z.object({ requested: share, reached: share }),
  heads: z.object({ total: count, requested: count.optional(), kept: count }),
  parameters: pair,
  bytes: pair,
  structure: z.array(StructureRow),
  /** In the order asked; `dense` has the shape of `metrics`. */
  evaluation: z.array(
    z.object({
      task: z.string(),
      split: z.string(),
      examples: count,
      metrics: Metrics,
      dense: Metrics.optional(),
      /** How each metric was computed, by its name, in sacreBLEU's syntax; absent in early files. */
      signatures: z.record(z.string(), z.string()).optional(),
    }),
  ),
  /** The ONNX files in further precisions, and what each scores on the same rows; `bytes` of `evaluation`'s are `bytes.compact`. */
  variants: z
    .array(
      z.object({
        /** As transformers.js names it. */
        dtype: z.string(),
        files: z.array(z.string()),
        bytes: count,
        task: z.string(),
        split: z.string(),
        examples: count,
        metrics: Metrics,
      }),
    )
    .optional(),
  /** Masked against compacted logits. */
  proof: z.object({ examples: count, maxAbsDifference: z.number().nonnegative() }),
  latency: z.array(
    z.object({
      device: z.string(),
      batch: count,
      length: count,
      denseMs: z.number(),
      compactMs: z.number(),
      repeats: count,
    }),
  ),
  training: z.object({
    steps: count,
    seconds: z.number(),
    stepMs: z.object({ first: z.number(), last: z.number() }),
    tokens: count,
    paddedTokens: count,
    /** The best score in training that counted, by the task's metric, and whether the run ended with its weights. */
    best: z.object({ step: count, score: z.number(), metric: z.string(), kept: z.boolean() }).optional(),
    /** Whether training ended before its last step, for scores had not got better. */
    stoppedEarly: z.literal(true).optional(),
  }),
  /** Several seeds: what each came to, and all together; the rest of the result is that of `chosen`. */
  seeds: z
    .object({
      /** The metric by which one is the best. */
      metric: z.string(),
      runs: z.array(z.object({ seed: count, folder: z.string(), metrics: Metrics, dense: Metrics.optional() })),
      mean: Metrics,
      /** Of the mean: √(variance / n), the variance over n - 1. */
      standardError: Metrics,
      best: count,
      chosen: count,
    })
    .optional(),
  published: z.object({ repo: z.string(), commit: z.string(), url: z.string() }).optional(),
  /** Logits of the published model, read through the Hub by another runtime, against those of the file that was pushed. */
  readBack: z
    .object({
      repo: z.string(),
      examples: count,
      maxAbsDifference: z.number().nonnegative(),
      compared: z.enum(['logits', 'tokens']).default('logits'),
    })
    .optional(),
});
export type RunResult = z.output<typeof RunResult>;

/** Reads the text of a `run.json`; `where` names the file in the error. */
export function parseRun(text: string, where = 'run.json'): RunResult {
  const result = RunResult.safeParse(parseJson(text, where));
  if (result.success) return result.data;
  throw new ReportError(`${where}: not the result of a run; ${z.prettifyError(result.error).replaceAll('\n', ' ')}`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ReportError(`${where}: expected JSON, got ${(cause as Error).message}`, 'input', { cause });
  }
}
