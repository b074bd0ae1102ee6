import path from 'node:path';
import { modelCard, writeEvalResults } from '@neuroprune/hub';
import { DENSE_GRAPH, readConfig } from '@neuroprune/models';
import { type CardOptions, figurePath, type RunResult, renderCardBody, renderFigures } from '@neuroprune/report';
import type { TrainedTask } from './prepare.js';
import { type RecipeFile, readRecipe, taskOf } from './recipe-file.js';
import { readRun } from './report.js';
import { exists } from './run-folder.js';
import { readSample } from './sample.js';
import { writeText } from './write-file.js';

/** Stands for the repository's name until there is one. */
const NAMELESS = 'ORG/NAME';

/** Writes `README.md`, its figures and `.eval_results` into the `model/` of a run folder, from the run's JSON. */
export async function writeModelCard(runFolder: string, repo: string = NAMELESS): Promise<void> {
  const model = path.join(runFolder, 'model');
  const recipe = await readRecipe(runFolder);
  const task = taskOf(recipe);
  const [first = '', second] = (await readSample(runFolder)).inputs[0] ?? [];
  const { run, events } = await readRun(runFolder);
  const figures = renderFigures({ run, events });
  for (const figure of figures) await writeText(path.join(model, figurePath(figure)), figure.svg);
  const example = second === undefined ? ([first] as const) : ([first, second] as const);
  const imported = await exists(path.join(model, DENSE_GRAPH));
  const decoder = !imported && (await readConfig(model)).architecture.generation?.kind === 'causal';
  const body = renderCardBody(run, { repo, figures, example, imported, decoder, ...writesOf(task) });
  await writeText(
    path.join(model, 'README.md'),
    modelCard({ frontMatter: frontMatter(run, task, recipe, repo), body }),
  );
  await writeEvalResults(model, 'neuroprune', evalRows(run, task, recipe));
}

/** How a model writes that learnt a task of texts. */
const writesOf = (task: TrainedTask): Pick<CardOptions, 'writes'> =>
  'layout' in task ? { writes: task.kind === 'generation' ? 'seq2seq' : 'causal' } : {};

function frontMatter(run: RunResult, task: TrainedTask, { model, dataset }: RecipeFile, repo: string) {
  const onHub = model.commit !== null;
  return {
    license: model.license,
    base_model: onHub ? model.id : undefined,
    base_model_relation: onHub ? ('finetune' as const) : undefined,
    datasets: isOnHub(dataset) ? [dataset.id] : undefined,
    metrics: run.evaluation.flatMap(({ metrics }) => Object.keys(metrics)),
    pipeline_tag: task.pipelineTag,
    library_name: 'transformers',
    tags: ['neuroprune', 'pruned', 'onnx', 'transformers.js', task.name],
    'model-index': [
      { name: repo.slice(repo.lastIndexOf('/') + 1), results: run.evaluation.map(indexed(task, dataset)) },
    ],
  };
}

const titles = {
  'text-classification': 'Text classification',
  summarization: 'Summarization',
  translation: 'Translation',
  'text-generation': 'Text generation',
} as const satisfies Record<TrainedTask['pipelineTag'], string>;

const indexed =
  (task: TrainedTask, { id, config, commit, task: own }: RecipeFile['dataset']) =>
  ({ split, metrics }: RunResult['evaluation'][number]) => ({
    task: { type: task.pipelineTag, name: titles[task.pipelineTag] },
    dataset: {
      type: own && commit === null ? task.name : id,
      name: own ? task.name : `${id} ${task.name}`,
      split,
      ...(config === undefined ? {} : { config }),
      ...(commit === null ? {} : { revision: commit }),
    },
    metrics: Object.entries(metrics).map(([type, value]) => ({ type, value })),
  });

/** A folder on this machine is nothing to others. */
const isOnHub = ({ task, commit }: Pick<RecipeFile['dataset'], 'task' | 'commit'>): boolean =>
  task === undefined || commit !== null;

const evalRows = ({ evaluation }: RunResult, task: TrainedTask, { dataset }: RecipeFile) =>
  (isOnHub(dataset) ? evaluation : []).flatMap(({ split, metrics }) =>
    Object.entries(metrics)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => ({
        dataset: {
          id: dataset.id,
          task_id: task.name,
          ...(dataset.commit === null ? {} : { revision: dataset.commit }),
        },
        value,
        notes: `${name}, ${split} split`,
      })),
  );
