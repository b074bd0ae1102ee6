/** The command: this thread has the terminal, another does the work, so that a second Ctrl-C always ends it at once. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { CommandMessage } from './cli/command-worker.js';
import { interruptible } from './cli/interrupt.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // the reader has what it wanted, as in `neuroprune … | head`
  throw error;
});
const { isTTY, columns } = process.stderr;
const worker = new Worker(new URL('./cli/command-worker.js', import.meta.url), {
  argv: process.argv.slice(2),
  env: SHARE_ENV,
  execArgv: [],
  workerData: { isTTY, columns },
});
// Leaving in an orderly way would wait for the steps under way, and abort in the middle of ONNX Runtime.
const { signal, release } = interruptible(process, () => {
  release();
  process.kill(process.pid, 'SIGINT');
});
signal.addEventListener('abort', () => worker.postMessage('SIGINT'));
worker.on('message', (message: CommandMessage) => {
  if (message.type !== 'end') return void process[message.type].write(message.text);
  process.exitCode = message.code;
  release();
});
worker.on('error', (error) => {
  throw error;
});
