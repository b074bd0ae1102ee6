/** The process in which sessions on a GPU live: a crash of a driver ends it alone. It answers what a relay sends. */
import { SessionTable } from './session-table.js';
import { type Numbered, type Part, partsOf } from './worker-protocol.js';

const table = new SessionTable();

/** Waits until a message is written: what is sent is copied first, and one copy at a time is enough. */
const sent = (part: Part) => new Promise<void>((resolve) => process.send?.(part, () => resolve()));

process.on('message', async (message: Numbered) => {
  const answer = await table.answer(message);
  for (const part of 'error' in answer ? [answer] : partsOf(answer)) await sent(part);
});

// A terminal sends its signals to all processes of the command: the one that asks decides when sessions end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
