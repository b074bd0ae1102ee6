import { expect, test } from 'vitest';
import { runFolder } from './run-folder.js';

const model = 'sentence-transformers/all-MiniLM-L6-v2';

test.each([
  [{ model, task: 'mrpc', method: 'neuroprune', sparsity: 0.7 }, 'runs/all-MiniLM-L6-v2-mrpc-neuroprune70'],
  [{ model, task: 'mrpc', method: 'gradual', sparsity: 0.925 }, 'runs/all-MiniLM-L6-v2-mrpc-gradual92.5'],
  [{ model: './here/', task: 'rte' }, 'runs/here-rte-dense'],
  [{ model, task: 'rte', out: 'elsewhere' }, 'elsewhere'],
])('%j runs in %s', (options, folder) => {
  expect(runFolder(options)).toBe(folder);
});
