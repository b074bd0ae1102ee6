// Reads a folder as training does, from its files to the batches of two epochs, and prints what that took.
import { datasetTask, encodeBlocks, epochBatches, loadTokenizer, tokenRows } from '@neuroprune/evaluate';
import { openDataset } from '@neuroprune/hub';

const [folder, model, cache] = process.argv.slice(2);
const source = await (await openDataset(folder, undefined)).fetch('train');
const splits = { train: 'train', validation: 'train', test: 'train' };
const task = await datasetTask({ id: folder, splits }, source);
const tokenizer = await loadTokenizer(model);
const set = await tokenRows(
  { key: 'rows', classes: task.labels.length, padId: tokenizer.padId },
  () => encodeBlocks(tokenizer, source.read(), task, 128),
  { folder: cache },
);
let tokens = 0;
for (let epoch = 0; epoch < 2; epoch++)
  for (const batch of epochBatches(set, { batchSize: 32, seed: 0, epoch })) tokens += batch.tokens;
set.close();
const { maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ rows: set.stats.rows, tokens, maxRSS }));
