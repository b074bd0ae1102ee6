/** The process in which sessions on a GPU live: a crash of a driver ends it alone. It answers what a relay sends. */
import { SessionTable } from './session-table.js';
import { type Numbered, partsOf } from './worker-protocol.js';

const table = new SessionTable();

process.on('message', async (message: Numbered) => {
  const answer = await table.answer(message);
  if ('error' in answer) process.send?.(answer);
  else for (const part of partsOf(answer)) process.send?.(part);
});

// A terminal sends its signals to all processes of the command: the one that asks decides when sessions end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
