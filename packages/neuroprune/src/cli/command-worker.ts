/** The thread in which the command does its work: reading, building and cutting models hold a thread for up to seconds. */
import { EventEmitter } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { runCommand } from './run.js';

/** What the command's work has to say to whoever has the terminal. */
export type CommandMessage =
  | { readonly type: 'stdout' | 'stderr'; readonly text: string }
  | { readonly type: 'end'; readonly code: number };

const say = (message: CommandMessage) => parentPort?.postMessage(message);
const signals = new EventEmitter();
parentPort?.on('message', (name: NodeJS.Signals) => signals.emit(name));

const code = await runCommand(process.argv.slice(2), {
  stdout: { write: (text) => say({ type: 'stdout', text }) },
  stderr: { write: (text) => say({ type: 'stderr', text }), ...workerData },
  env: process.env,
  cwd: process.cwd(),
  signals,
  exit: (forced) => say({ type: 'end', code: forced }),
});
say({ type: 'end', code });
parentPort?.unref();
