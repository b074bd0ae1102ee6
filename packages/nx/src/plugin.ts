import { existsSync } from 'node:fs';
import path from 'node:path';
import { type CreateNodes, type CreateNodesContext, type CreateNodesResult, createNodesFromFiles } from '@nx/devkit';
import { normalizeOptions, type PluginInput, type PluginOptions } from './plugin-options.js';
import { readProjectFile } from './project-file.js';
import { targets } from './targets.js';

/** Infers `prune`, `evaluate` and `publish` targets from the `neuroprune.json` of each project. */
export const createNodes: CreateNodes<PluginInput> = [
  '**/neuroprune.json',
  (files, options, context) => {
    const normalized = normalizeOptions(options);
    return createNodesFromFiles((file) => nodes(file, normalized, context), files, options ?? {}, context);
  },
];

/** The name that Nx before 24 looks for. */
export const createNodesV2 = createNodes;

/** A published model has a file of the same name: only one beside a project's own file makes targets. */
const PROJECT_FILES = ['project.json', 'package.json'] as const;

async function nodes(file: string, options: PluginOptions, context: CreateNodesContext): Promise<CreateNodesResult> {
  const root = path.posix.dirname(file);
  const folder = path.join(context.workspaceRoot, root);
  if (!PROJECT_FILES.some((name) => existsSync(path.join(folder, name)))) return {};
  const sections = await readProjectFile(path.join(context.workspaceRoot, file));
  return { projects: { [root]: { root, targets: targets(sections, options, { root, ...context }) } } };
}
