import { examine } from './examine.js';

/** One test a message, so that the parent knows which one a crash of native code belongs to. */
process.on('message', async ({ id, run }: { id: string; run: boolean }) => {
  process.send?.(await examine(id, run));
});
