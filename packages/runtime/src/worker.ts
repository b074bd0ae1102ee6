/** The worker thread in which sessions on the cpu live: `run()` of ONNX Runtime blocks the thread that calls it. */
import { parentPort } from 'node:worker_threads';
import { SessionTable } from './session-table.js';
import { buffersOf, type Numbered } from './worker-protocol.js';

const table = new SessionTable();

parentPort?.on('message', async (message: Numbered) => {
  const answer = await table.answer(message);
  parentPort?.postMessage(answer, 'tensors' in answer ? buffersOf(answer.tensors) : []);
});
