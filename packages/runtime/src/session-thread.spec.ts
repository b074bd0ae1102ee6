import { float32, GraphBuilder, type Model, modelOf } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { createInference } from './inference.js';
import { SessionThread } from './session-thread.js';

function negation(): Model {
  const builder = new GraphBuilder();
  builder.output(builder.op.Neg(builder.input('x', 'float32', ['n'])), 'y');
  return modelOf(builder.graph);
}

const inputs = new Map([['x', float32([1, -2])]]);

/** Ends the thread as a crash would, below the interface. */
const crash = (thread: SessionThread) =>
  (thread as unknown as { worker: { terminate(): Promise<number> } }).worker.terminate();

it('is one for all sessions', async () => {
  const thread = SessionThread.shared({ device: 'cpu' });
  await using _ = await createInference(negation(), { threads: 1 });
  expect(SessionThread.shared({ device: 'cpu' })).toBe(thread);
});

it('fails whoever waits when it ends, and is replaced', async () => {
  const lost = await createInference(negation(), { threads: 1 });
  const thread = SessionThread.shared({ device: 'cpu' });
  const ended = crash(thread);
  await expect(lost.run(inputs, ['y'])).rejects.toMatchObject({
    name: 'RuntimeError',
    kind: 'job',
    message: 'runtime: the thread of sessions has ended',
  });
  await ended;
  expect(thread.alive).toBe(false);
  await expect(lost.run(inputs, ['y'])).rejects.toThrow('the thread of sessions has ended');
  await lost.close();

  await using next = await createInference(negation(), { threads: 1 });
  expect(SessionThread.shared({ device: 'cpu' })).not.toBe(thread);
  expect((await next.run(inputs, ['y'])).get('y')?.data).toEqual(Float32Array.of(-1, 2));
});

it('tells a session that it does not know', async () => {
  await expect(SessionThread.shared({ device: 'cpu' }).ask(1e6, { type: 'take', names: [] })).rejects.toThrow(
    "internal: 'session 1000000' is not there",
  );
});
