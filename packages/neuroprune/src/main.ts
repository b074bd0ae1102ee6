/** The command: this thread has the terminal, another does the work, so that a second Ctrl-C always ends it at once. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { CommandMessage } from './cli/command-worker.js';
import { INTERRUPTED, interruptible } from './cli/interrupt.js';

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
const { signal, release } = interruptible(process, () => process.exit(INTERRUPTED));
signal.addEventListener('abort', () => worker.postMessage('SIGINT'));
worker.on('message', (message: CommandMessage) => {
  if (message.type !== 'end') return void process[message.type].write(message.text);
  process.exitCode = message.code;
  release();
});
worker.on('error', (error) => {
  throw error;
});
