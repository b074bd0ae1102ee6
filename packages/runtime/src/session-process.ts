/** The process in which sessions on a GPU live: a crash of a driver ends it alone. It answers what a relay sends. */
import { SessionTable } from './session-table.js';
import type { Numbered } from './worker-protocol.js';

const table = new SessionTable();

process.on('message', async (message: Numbered) => process.send?.(await table.answer(message)));

// A terminal sends its signals to all processes of the command: the one that asks decides when sessions end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
