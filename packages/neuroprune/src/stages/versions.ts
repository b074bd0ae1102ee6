import { createRequire } from 'node:module';
import { version } from '../version.js';

const require = createRequire(import.meta.url);

/** Versions of what takes part in a run's numbers. */
export const versions = (): Record<string, string> => ({
  neuroprune: version,
  node: process.version,
  'onnxruntime-node': require('onnxruntime-node/package.json').version,
  platform: `${process.platform}-${process.arch}`,
});
