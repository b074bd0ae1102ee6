// Prints what a run's plan says of its memory and time, or what its steps up to the last checkpoint took.
import { prune } from '../dist/index.js';

const input = JSON.parse(process.argv[2]);
const say = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);
let seconds = 0;
const onEvent = (event) => {
  if (event.type === 'train') seconds = (event.step * input.batchSize) / event.examplesPerSecond;
  if (event.type !== 'checkpoint' || event.step < input.maxSteps) return;
  say({ peak: process.resourceUsage().maxRSS * 1024, seconds });
  process.exit(0); // what follows is of no interest
};
const { memory, timing } = await prune(input, { onEvent });
say({ memory, timing });
