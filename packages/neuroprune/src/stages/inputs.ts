import { alignLabels, type RowStats, type Task } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import { readModelConfig } from '@neuroprune/models';
import { fetchData, type TaskData, taskFacts } from './data.js';
import { type FetchedModel, fetchModel } from './fetch-model.js';
import { importedNotes } from './imported.js';
import { type Prepared, prepare, type TrainedTask } from './prepare.js';
import { prepareTexts } from './prepare-texts.js';
import { type Recipe, type ResolvedOptions, recipeOf } from './recipe.js';
import type { Run } from './stage.js';
import { fetchTeacher } from './teacher.js';
import type { TextData } from './text-data.js';
import { freshNote, unusedNote } from './weight-notes.js';

/** Everything a run starts from; dispose of what is prepared when done. */
export interface Inputs {
  readonly task: TrainedTask;
  readonly recipe: Recipe;
  readonly model: FetchedModel;
  /** Whom it learns from beside the labels. */
  readonly teacher?: FetchedModel;
  readonly prepared: Prepared;
}

/** Resolves the recipe, fetches model and rows, and prepares them. */
export async function inputsOf(options: ResolvedOptions, hub: HubOptions, { context, stage }: Run): Promise<Inputs> {
  const { name } = taskFacts(options);
  const fetched = async () => {
    const model = await fetchModel(options.model, hub, context, { tokenizer: options.tokenizer });
    const teacher = options.teacher === undefined ? undefined : await fetchTeacher(options.teacher, hub, context);
    const data = await fetchData(options, hub, context);
    if (isOfTexts(data)) return { model, teacher, data };
    const config = withTrueLabels(await readModelConfig(model.place));
    return { model, teacher, data: { ...data, task: alignLabels(data.task, config, options.model) } };
  };
  const { model, teacher, data } = await stage('fetch', fetched, `${options.model}, ${name}`);
  const { task } = data;
  const recipe = recipeOf(options, task);
  const { cache } = options;
  const prepared = await stage('prepare', () => {
    const rest = { recipe, model, teacher, cache };
    return isOfTexts(data) ? prepareTexts({ data, ...rest }, hub, context) : prepare({ data, ...rest }, hub, context);
  });
  for (const message of [...modelNotes(prepared), ...dataNotes(task, prepared)]) {
    context.onEvent({ type: 'note', message });
  }
  return { task, recipe, model, ...(teacher && { teacher }), prepared };
}

/** Without the labels that the configuration of a model which classifies nothing may list (BART's has three). */
export function withTrueLabels(config: unknown): unknown {
  const { architectures } = config as { readonly architectures?: unknown };
  const named = Array.isArray(architectures) ? architectures.map(String) : [];
  if (named.length === 0 || named.some((name) => name.endsWith('ForSequenceClassification'))) return config;
  return { ...(config as object), id2label: undefined };
}

const isOfTexts = (data: TaskData): data is TextData => 'layout' in data.task;

const modelNotes = ({ loaded }: Prepared): string[] => [
  ...importedNotes(loaded),
  ...freshNote(loaded),
  ...unusedNote(loaded),
];

/** What is in each split: rows, rows of each class, rows that were cut. */
function dataNotes(task: TrainedTask, { splits, maxLength }: Prepared): string[] {
  const labels = 'labels' in task ? task.labels : 'score';
  return Object.values(splits).map(({ name, stats }) => {
    const cut = stats.truncated > 0 ? `, ${count(stats.truncated)} cut to ${maxLength} tokens` : '';
    return `${name}: ${count(stats.rows)} rows${classCounts(labels, stats)}${cut}`;
  });
}

function classCounts(labels: Task['labels'], { classes }: RowStats): string {
  if (labels === 'score' || classes === undefined) return '';
  const shown = labels.slice(0, MOST_SHOWN).map((label, i) => `${label} ${count(classes[i] ?? 0)}`);
  return ` (${shown.join(', ')}${labels.length > MOST_SHOWN ? `, ${labels.length - MOST_SHOWN} classes more` : ''})`;
}

/** Classes that a line names. */
const MOST_SHOWN = 12;

const count = (value: number): string => value.toLocaleString('en-US');
