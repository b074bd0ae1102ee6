import { type ExamineOptions, examine } from './examine.js';

/** One test a message, so that the parent knows which one a crash of native code belongs to. */
process.on('message', async ({ id, options }: { id: string; options: ExamineOptions }) => {
  process.send?.(await examine(id, options));
});
