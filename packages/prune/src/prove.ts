import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PruneError } from './errors.js';
import { type TokenBatch, writeBatches } from './prove/batch-file.js';
import type { Compared, Comparison, ProofAnswer } from './prove/compare.js';

/** What is to be proved, and on which rows. */
export interface ProofRequest {
  /** A published folder: `config.json` and `model.safetensors` in dense shapes, `onnx/model.onnx` compacted, or `onnx/encoder_model.onnx` with its decoder. */
  readonly folder: string;
  /** Rows to run; those of weight 0 do not count. */
  readonly batches: readonly TokenBatch[];
  readonly threads?: number;
  /** Largest absolute difference of logits that is still the same function; 1e-4 by default. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** What the proof found. */
export interface Proof extends Compared {
  /** Whether no logit differs by more than the limit. */
  readonly ok: boolean;
}

/**
 * Proves that compaction changed nothing: a fresh process loads both models from the published files, runs all rows
 * through ONNX Runtime and compares the logits. A NaN is a difference. Throws `PruneError` where it cannot be run.
 */
export async function prove({ folder, batches, threads, limit = 1e-4, signal }: ProofRequest): Promise<Proof> {
  if (!batches.some(({ weights }) => weights.some((w) => w !== 0)))
    throw new PruneError('proof: expected at least one example, got none', 'input');
  const temporary = await mkdtemp(path.join(tmpdir(), 'neuroprune-'));
  try {
    const file = path.join(temporary, 'batches.safetensors');
    await writeBatches(file, batches);
    const comparison = { folder: path.resolve(folder), batches: file, ...(threads !== undefined && { threads }) };
    const compared = await inFreshProcess(comparison, temporary, signal);
    return { ...compared, ok: compared.maxAbsDifference <= limit };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function inFreshProcess(
  comparison: Comparison,
  temporary: string,
  signal: AbortSignal | undefined,
): Promise<Compared> {
  signal?.throwIfAborted();
  // The built file: tests that run on sources use it too.
  const child = fork(fileURLToPath(import.meta.resolve('@neuroprune/prune/prove-process')), {
    execArgv: [],
    // What a killed process leaves behind goes with the folder.
    env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const kill = () => child.kill('SIGKILL');
  const closed = once(child, 'close');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    child.send(comparison);
    const answer = await answerOf(child, closed);
    if ('error' in answer) throw new PruneError(`proof: ${answer.error}`, answer.kind);
    return answer;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', kill);
    kill();
    await closed;
  }
}

/** The child's answer; its end before that is an error that quotes its last words. */
async function answerOf(child: ChildProcess, closed: Promise<unknown[]>): Promise<ProofAnswer> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-1000);
  });
  const ended = closed.then(([code, signal]) => {
    const said = words.trim();
    throw new PruneError(
      `proof: its process ended without an answer (${signal ?? `code ${code}`})${said && `: ${said}`}`,
    );
  });
  ended.catch(() => {});
  const [answer] = await Promise.race([once(child, 'message'), ended]);
  return answer as ProofAnswer;
}
