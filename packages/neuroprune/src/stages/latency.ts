import { performance } from 'node:perf_hooks';
import type { RunResult } from '@neuroprune/report';
import { createInference, type SessionOptions } from '@neuroprune/runtime';
import type { TimedInputs } from './workload.js';

/** One row of the latency table. */
export type Latency = RunResult['latency'][number];

const batches = [1, 32] as const;
const WARM_UP = 3;
const LEAST_REPEATS = 9;
const MOST_REPEATS = 51;
/** Milliseconds after which a measurement has enough repeats. */
const BUDGET = 2_000;

/**
 * Milliseconds a batch of both ONNX files, as medians. The two take turns, so that what else the machine does falls on both.
 */
export async function measureLatency(
  files: { readonly dense: string; readonly compact: string },
  { length, inputs: inputsOf }: TimedInputs,
  session: Required<Pick<SessionOptions, 'threads'>>,
  signal: AbortSignal,
): Promise<Latency[]> {
  await using dense = await createInference(files.dense, session);
  await using compact = await createInference(files.compact, session);
  const measured: Latency[] = [];
  for (const batch of batches) {
    const inputs = inputsOf(batch);
    const times: { dense: number[]; compact: number[] } = { dense: [], compact: [] };
    const start = performance.now();
    for (let turn = -WARM_UP; turn < MOST_REPEATS; turn++) {
      signal.throwIfAborted();
      if (turn >= LEAST_REPEATS && performance.now() - start > BUDGET) break;
      for (const [name, inference] of [['dense', dense] as const, ['compact', compact] as const]) {
        const before = performance.now();
        await inference.run(inputs, ['logits']);
        if (turn >= 0) times[name].push(performance.now() - before);
      }
    }
    const repeats = times.dense.length;
    measured.push({
      device: dense.session.device,
      batch,
      length,
      denseMs: median(times.dense),
      compactMs: median(times.compact),
      repeats,
    });
  }
  return measured;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
