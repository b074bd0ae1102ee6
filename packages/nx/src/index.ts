export { init } from './generators/init/init.js';
export type { InitInput } from './generators/init/options.js';
export { createNodes, createNodesV2 } from './plugin.js';
export type { PluginInput } from './plugin-options.js';
