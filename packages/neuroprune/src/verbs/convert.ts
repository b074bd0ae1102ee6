import path from 'node:path';
import { trainable } from '@neuroprune/autodiff';
import { type Head, type LoadedModel, loadModel } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import type { VerbOptions } from '../schema/verbs.js';
import { type BlockList, blockList } from '../stages/blocks.js';
import { checkClass } from '../stages/check-class.js';
import { exportFolder, inferenceGraphs } from '../stages/export-folder.js';
import { type FetchedModel, fetchModel } from '../stages/fetch-model.js';
import { hubOf } from '../stages/hub-options.js';
import { cacheNote, nothingFound } from '../stages/imported.js';
import { type Run, startRun } from '../stages/stage.js';
import { tokenLosses } from '../stages/token-losses.js';
import { freshNote, unusedNote } from '../stages/weight-notes.js';
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
  /** The layers of a dry run. */
  readonly layers?: BlockList;
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
  if (options.dryRun) return { model: options.model, layers: await listed(source, started) };
  const { out, verify } = options;
  const written = out === undefined ? {} : { files: await convert(source, { ...options, out }, started) };
  if (verify === undefined) return { model: options.model, ...written };
  const verification = await started.stage('verify', () =>
    verifyGolden({ model: source.place, golden: path.resolve(cwd, verify) }),
  );
  const result: Converted = { model: options.model, ...written, verification };
  if (verification.ok) return result;
  const bad = verification.rows.filter((row) => !row.ok).length;
  const message = `${verify}: expected every tensor in tolerance, got ${bad} of ${verification.rows.length} out`;
  throw new NeuropruneError('job', message, { result });
}

async function listed({ id, place }: FetchedModel, { stage }: Run): Promise<BlockList> {
  const loaded = await stage('list', () => loadModel(place));
  if (loaded.prunable.length === 0) throw nothingFound(loaded, id);
  return blockList(loaded);
}

async function convert(
  source: FetchedModel,
  { out, trainable: step, dtype = ['fp32'] }: VerbOptions<'convert'> & { readonly out: string },
  { context, stage }: Run,
): Promise<string[]> {
  const folder = path.resolve(context.cwd, out);
  return stage('convert', async () => {
    await checkClass(source);
    const loaded = await loadModel(source.place);
    for (const message of [...freshNote(loaded), ...cacheNote(loaded)]) context.onEvent({ type: 'warning', message });
    for (const message of unusedNote(loaded)) context.onEvent({ type: 'note', message });
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

/** Layers of a dry run as text: a row each, then the parameters of each, then what stays dense. */
function formatLayers({ task, labels, inputs, blocks, unknown, parameters, fixedSize }: BlockList): string {
  const number = (value: number) => value.toLocaleString('en-US');
  const rows = blocks.map(({ layer, attention: a, mlp, weights }) => [
    layer,
    ...[a.heads, a.headSize, mlp.hiddenUnits].map(String),
    mlp.kind,
    number(weights),
  ]);
  const names = blocks.flatMap(({ layer, attention: { query, key, value, output }, mlp: { up, down } }) => [
    layer,
    ...Object.entries({ query, key, value, output, up: up.join(', '), down: down.join(', ') }).map(
      ([part, name]) => `  ${part.padEnd(7)}${name}`,
    ),
  ]);
  const prunable = blocks.reduce((sum, { weights }) => sum + weights, 0);
  return [
    table([['layer', 'heads', 'head size', 'hidden units', 'mlp', 'prunable weights'], ...rows]),
    ...['', ...names, ''],
    `${task}${labels === undefined ? '' : `, ${labels} labels`}; inputs ${inputs.join(', ')}; ${number(prunable)} of ${number(parameters)} parameters can be pruned`,
    ...unknown.map((reason) => `stays dense: ${reason}`),
    ...(fixedSize === undefined ? [] : [`cannot be trained: its inputs have one size, ${fixedSize}`]),
  ].join('\n');
}

/** A row a tensor, worst first; or the layers of a dry run. */
export function format({ files = [], verification, layers }: Converted): string {
  if (layers) return formatLayers(layers);
  const rows = verification?.rows.map(({ name, maxAbs, relative, ok, problem }) => [
    name,
    maxAbs?.toExponential(2) ?? '–',
    relative?.toExponential(2) ?? '–',
    ok ? 'ok' : (problem ?? 'out'),
  ]);
  return [...files, ...(rows ? [table([['tensor', 'max |difference|', 'relative', ''], ...rows])] : [])].join('\n');
}
