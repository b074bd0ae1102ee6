// Reads a safetensors file and prints how much the peak of resident memory grew, in bytes: `file` reads it by its path,
// `bytes` takes the whole file first and hands its bytes over, which holds everything twice; `model` loads a folder.
import { readFile } from 'node:fs/promises';
import { loadModel, readSafetensors } from '../dist/index.js';

const [how, file] = process.argv.slice(2);
const peak = () => process.resourceUsage().maxRSS * 1024;
const before = peak();
const ways = {
  file: () => readSafetensors(file),
  bytes: async () => readSafetensors(await readFile(file)),
  model: async () => (await loadModel(file)).tensors,
};
const tensors = await ways[how]();
let bytes = 0;
for (const { data } of tensors.values()) bytes += data.byteLength;
console.log(JSON.stringify({ bytes, grown: peak() - before }));
