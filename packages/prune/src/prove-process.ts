/** The process in which a proof runs: it has nothing but the files and one message with their places. */
import { type Comparison, compare, type ProofAnswer } from './prove/compare.js';

async function answer(comparison: Comparison): Promise<ProofAnswer> {
  try {
    return await compare(comparison);
  } catch (error) {
    const { message, kind } = error as Error & { kind?: unknown };
    return { error: message ?? String(error), kind: kind === 'input' ? 'input' : 'job' };
  }
}

process.once('message', async (comparison: Comparison) => {
  process.send?.(await answer(comparison), () => process.disconnect());
});
process.once('disconnect', () => process.exit());
