import { existsSync } from 'node:fs';
import path from 'node:path';
import type { TargetConfiguration } from '@nx/devkit';
import { PruneOptions, runFolder, verbs } from 'neuroprune/schema';
import type { PluginOptions } from './plugin-options.js';
import type { ProjectFile } from './project-file.js';

type Inferred = 'prune' | 'evaluate' | 'publish';

/** Where a project lies: its folder relative to the workspace, `/` between parts, and the workspace. */
export interface ProjectPlace {
  readonly root: string;
  readonly workspaceRoot: string;
}

/** Targets that the sections of a project's file ask for. */
export function targets(
  sections: ProjectFile,
  options: PluginOptions,
  place: ProjectPlace,
): Record<string, TargetConfiguration> {
  const run = pruneRun(sections.prune);
  const found: Record<string, TargetConfiguration> = {};
  if (sections.prune) found[options.pruneTargetName] = prune(sections.prune, run, place);
  if (sections.evaluate) found[options.evaluateTargetName] = evaluate(sections.evaluate, run, options, place);
  if (sections.publish) found[options.publishTargetName] = publish(sections.publish, run, options, place);
  return found;
}

/** Folder that `prune` writes; all of `runs` where the section alone does not say which. */
function pruneRun(section: ProjectFile['prune']): string {
  const parsed = PruneOptions.safeParse(section);
  return parsed.success ? path.posix.normalize(runFolder(parsed.data)) : 'runs';
}

function prune(section: object, run: string, place: ProjectPlace): TargetConfiguration {
  const output = projectPath(run, place);
  return {
    ...base('prune', place),
    cache: output !== undefined,
    inputs: inputs(section, place),
    outputs: output === undefined ? [] : [output],
    parallelism: false, // training takes every core
  };
}

function evaluate(section: object, run: string, names: PluginOptions, place: ProjectPlace): TargetConfiguration {
  const after = within(section, 'model', run);
  return {
    ...base('evaluate', place),
    cache: true, // what it prints is what it is for, and Nx replays that
    inputs: [...inputs(section, place), ...(after ? [{ dependentTasksOutputFiles: '**/model/**/*' }] : [])],
    outputs: [],
    ...(after ? { dependsOn: [names.pruneTargetName] } : {}),
  };
}

function publish(section: object, run: string, names: PluginOptions, place: ProjectPlace): TargetConfiguration {
  const after = within(section, 'run', run);
  return { ...base('publish', place), cache: false, ...(after ? { dependsOn: [names.pruneTargetName] } : {}) };
}

function base(verb: Inferred, { root }: ProjectPlace): TargetConfiguration {
  return {
    command: `neuroprune ${verb} --config neuroprune.json`,
    options: { cwd: root },
    metadata: {
      technologies: ['neuroprune'],
      description: verbs[verb].summary,
      help: { command: `npx neuroprune ${verb} --help`, example: { args: [...examples[verb]] } },
    },
  };
}

const examples: Readonly<Record<Inferred, readonly string[]>> = {
  prune: ['--sparsity=0.8'],
  evaluate: ['--limit=100'],
  publish: ['--private'],
};

type Inputs = NonNullable<TargetConfiguration['inputs']>;

function inputs(section: object, place: ProjectPlace): Inputs {
  return [
    '{projectRoot}/neuroprune.json',
    ...localModel(section, place),
    { env: 'HF_ENDPOINT' },
    { externalDependencies: ['neuroprune'] },
  ];
}

/** A model in a folder or file of the workspace is an input; one on a Hub is named by the configuration. */
function localModel(section: object, place: ProjectPlace): Inputs {
  const model = 'model' in section && typeof section.model === 'string' ? section.model : undefined;
  if (model === undefined || !existsSync(path.join(place.workspaceRoot, place.root, model))) return [];
  const input = projectPath(model, place);
  return input === undefined ? [] : [input, `${input}/**/*`];
}

/** Whether an option names a path inside the folder that `prune` writes. */
function within(section: object, option: 'model' | 'run', run: string): boolean {
  const value: unknown = Object(section)[option];
  return [value].flat().some((one) => {
    if (typeof one !== 'string') return false;
    const relative = path.posix.relative(run, path.posix.normalize(one));
    return !relative.startsWith('..') && !path.posix.isAbsolute(relative);
  });
}

/** A path as Nx writes it in inputs and outputs; undefined for one outside the workspace. */
function projectPath(target: string, { root, workspaceRoot }: ProjectPlace): string | undefined {
  const absolute = path.resolve(workspaceRoot, root, target);
  const inProject = inside(absolute, path.resolve(workspaceRoot, root));
  if (inProject !== undefined) return `{projectRoot}/${inProject}`;
  const inWorkspace = inside(absolute, workspaceRoot);
  return inWorkspace === undefined ? undefined : `{workspaceRoot}/${inWorkspace}`;
}

function inside(target: string, folder: string): string | undefined {
  const relative = path.relative(folder, target).split(path.sep).join('/');
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? undefined : relative;
}
