// Reads a safetensors file and prints how much the peak of resident memory grew, in bytes: `file` reads it by its path,
// `bytes` takes the whole file first and hands its bytes over, which holds everything twice.
import { readFile } from 'node:fs/promises';
import { readSafetensors } from '../dist/index.js';

const [how, file] = process.argv.slice(2);
const peak = () => process.resourceUsage().maxRSS * 1024;
const before = peak();
const tensors = await readSafetensors(how === 'bytes' ? await readFile(file) : file);
let bytes = 0;
for (const { data } of tensors.values()) bytes += data.byteLength;
console.log(JSON.stringify({ bytes, grown: peak() - before }));
