import path from 'node:path';
import { trainable } from '@neuroprune/autodiff';
import { type Head, type LoadedModel, loadModel } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import type { VerbOptions } from '../schema/verbs.js';
import { exportFolder, inferenceGraphs } from '../stages/export-folder.js';
import { type FetchedModel, fetchModel } from '../stages/fetch-model.js';
import { hubOf } from '../stages/hub-options.js';
import { type Run, startRun } from '../stages/stage.js';
import { tokenLosses } from '../stages/token-losses.js';
import type { Verification } from '../verify/compare.js';
import { verifyGolden } from '../verify/verify.js';
import { table } from './table.js';

/** Where the step graph of training lies. */
const STEP = 'onnx/step.onnx';

/** What `convert` made and compared. */
export interface Converted {
  readonly model: string;
  /** The ONNX files that were written: one, or an encoder and its decoder. */
  readonly files?: readonly string[];
  /** The comparison with a golden file, worst tensor first. */
  readonly verification?: Verification;
}

/** Writes a model as ONNX, compares its training graph with a golden file, or both. */
export async function run(options: VerbOptions<'convert'>, context: RunContext): Promise<Converted> {
  const { cwd } = context;
  const started = startRun(context);
  const source = await started.stage(
    'fetch',
    () => fetchModel(options.model, hubOf(context, options), context),
    options.model,
  );
  const { out, verify } = options;
  const written = out === undefined ? {} : { files: await convert(source, { ...options, out }, started) };
  if (verify === undefined) return { model: options.model, ...written };
  const verification = await started.stage('verify', () =>
    verifyGolden({ model: source.folder, golden: path.resolve(cwd, verify) }),
  );
  const result: Converted = { model: options.model, ...written, verification };
  if (verification.ok) return result;
  const bad = verification.rows.filter((row) => !row.ok).length;
  const message = `${verify}: expected every tensor in tolerance, got ${bad} of ${verification.rows.length} out`;
  throw new NeuropruneError('job', message, { result });
}

async function convert(
  source: FetchedModel,
  { out, trainable: step, dtype = ['fp32'] }: VerbOptions<'convert'> & { readonly out: string },
  { context, stage }: Run,
): Promise<string[]> {
  const folder = path.resolve(context.cwd, out);
  return stage('convert', async () => {
    const loaded = await loadModel(source.folder);
    if (loaded.fresh.length > 0) {
      const message = `drawn at random, as the checkpoint lacks them: ${loaded.fresh.join(', ')}`;
      context.onEvent({ type: 'warning', message });
    }
    const graphs = step ? new Map([[STEP, stepGraph(loaded)]]) : inferenceGraphs(loaded);
    const written = await exportFolder(folder, { graphs, dtypes: dtype, loaded, source });
    return written.map(({ file }) => path.join(out, file));
  });
}

const stepGraph = ({ model, task, head, buffers }: LoadedModel): Model =>
  task === 'sequence-classification'
    ? trainable(model, { loss: lossOf(head) })
    : trainable(model, { loss: tokenLosses[task], frozen: (name) => buffers.includes(name) });

function lossOf({ problemType }: Head): 'crossEntropy' | 'meanSquaredError' {
  if (problemType === 'regression') return 'meanSquaredError';
  if (problemType === 'single_label_classification') return 'crossEntropy';
  throw new NeuropruneError(
    'input',
    `problem_type: expected regression or single_label_classification to train, got ${problemType}`,
  );
}

/** A row a tensor, worst first. */
export function format({ files = [], verification }: Converted): string {
  const rows = verification?.rows.map(({ name, maxAbs, relative, ok, problem }) => [
    name,
    maxAbs?.toExponential(2) ?? '–',
    relative?.toExponential(2) ?? '–',
    ok ? 'ok' : (problem ?? 'out'),
  ]);
  return [...files, ...(rows ? [table([['tensor', 'max |difference|', 'relative', ''], ...rows])] : [])].join('\n');
}
