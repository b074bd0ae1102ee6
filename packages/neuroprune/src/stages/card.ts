import path from 'node:path';
import { type Task, tasks } from '@neuroprune/evaluate';
import { modelCard, writeEvalResults } from '@neuroprune/hub';
import { figurePath, type RunResult, renderCardBody, renderFigures } from '@neuroprune/report';
import { type RecipeFile, readRecipe } from './recipe-file.js';
import { readRun } from './report.js';
import { readSample } from './sample.js';
import { writeText } from './write-file.js';

/** Stands for the repository's name until there is one. */
const NAMELESS = 'ORG/NAME';

/** Writes `README.md`, its figures and `.eval_results` into the `model/` of a run folder, from the run's JSON. */
export async function writeModelCard(runFolder: string, repo: string = NAMELESS): Promise<void> {
  const model = path.join(runFolder, 'model');
  const recipe = await readRecipe(runFolder);
  const task = tasks[recipe.recipe.task as keyof typeof tasks];
  const [first = '', second] = (await readSample(runFolder)).inputs[0] ?? [];
  const { run, events } = await readRun(runFolder);
  const figures = renderFigures({ run, events });
  for (const figure of figures) await writeText(path.join(model, figurePath(figure)), figure.svg);
  const body = renderCardBody(run, { repo, figures, example: second === undefined ? [first] : [first, second] });
  await writeText(
    path.join(model, 'README.md'),
    modelCard({ frontMatter: frontMatter(run, task, recipe, repo), body }),
  );
  await writeEvalResults(model, 'neuroprune', evalRows(run, task, recipe));
}

function frontMatter(run: RunResult, task: Task, { model, dataset }: RecipeFile, repo: string) {
  const onHub = model.commit !== null;
  return {
    license: model.license,
    base_model: onHub ? model.id : undefined,
    base_model_relation: onHub ? ('finetune' as const) : undefined,
    datasets: [dataset.id],
    metrics: Object.keys(run.evaluation[0]?.metrics ?? {}),
    pipeline_tag: task.pipelineTag,
    library_name: 'transformers',
    tags: ['neuroprune', 'pruned', 'onnx', 'transformers.js', task.name],
    'model-index': [
      { name: repo.slice(repo.lastIndexOf('/') + 1), results: run.evaluation.map(indexed(task, dataset)) },
    ],
  };
}

const indexed =
  (task: Task, { id, config, commit }: RecipeFile['dataset']) =>
  ({ split, metrics }: RunResult['evaluation'][number]) => ({
    task: { type: task.pipelineTag, name: 'Text classification' },
    dataset: {
      type: id,
      name: `${id} ${task.name}`,
      split,
      ...(config === undefined ? {} : { config }),
      ...(commit === null ? {} : { revision: commit }),
    },
    metrics: Object.entries(metrics).map(([type, value]) => ({ type, value })),
  });

const evalRows = ({ evaluation }: RunResult, task: Task, { dataset: { id, commit } }: RecipeFile) =>
  evaluation.flatMap(({ split, metrics }) =>
    Object.entries(metrics)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => ({
        dataset: { id, task_id: task.name, ...(commit === null ? {} : { revision: commit }) },
        value,
        notes: `${name}, ${split} split`,
      })),
  );
