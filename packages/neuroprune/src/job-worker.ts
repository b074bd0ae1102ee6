/**
 * The thread in which calls of the API do their work: checking options, building graphs, reading and cutting models hold a
 * thread for up to seconds.
 */
import { parentPort } from 'node:worker_threads';
import { type JobAnswer, type JobRequest, plainError } from './job-protocol.js';
import { runVerb } from './verbs.js';

const running = new Map<number, AbortController>();
const say = (answer: JobAnswer) => parentPort?.postMessage(answer);

parentPort?.on('message', (request: JobRequest) => {
  if (request.type === 'abort') running.get(request.id)?.abort();
  else void work(request);
});

async function work({ id, verb, input, cwd, env }: JobRequest & { readonly type: 'run' }): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  running.set(id, controller);
  try {
    const onEvent = (event: (JobAnswer & { readonly type: 'event' })['event']) => say({ type: 'event', id, event });
    say({ type: 'done', id, result: await runVerb(verb, input, { signal, onEvent, cwd, env }) });
  } catch (error) {
    if (signal.aborted && error === signal.reason) say({ type: 'aborted', id });
    else say({ type: 'failed', id, error: plainError(error) });
  } finally {
    running.delete(id);
  }
}
