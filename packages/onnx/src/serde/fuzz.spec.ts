import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lengthFields, mutations, random } from '../../test/fuzz.js';
import { everything, randomModel } from '../../test/models.js';
import {
  check,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateIdentity,
  inferModel,
  OnnxError,
  parse,
  print,
  readModel,
  runPasses,
  sortNodes,
  writeModel,
} from '../index.js';

const isFull = process.env.NEUROPRUNE_CHECK === 'full';
const SEED = Number(process.env.NEUROPRUNE_SEED ?? 20261124);
const CASES = isFull ? 400 : 60;
/** Milliseconds one damaged file may take, and the most memory: far above what the models need. */
const MOST_TIME = 2000;
const MOST_GROWTH = 512 * 2 ** 20;
const MOST_BYTES = 2 ** 20;

const root = path.resolve(import.meta.dirname, '../../../..');
const folders = [
  path.join(root, 'packages/onnx/fixtures'),
  path.resolve(root, '../shared/hub'),
  path.join(root, 'node_modules/.cache/onnx-backend'),
];

function onnxFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.onnx'));
  return files.map((name) => path.join(folder, name)).filter((file) => statSync(file).size <= MOST_BYTES);
}

/** Some of the files of a folder, spread over it. */
function spread(files: readonly string[], count: number): string[] {
  const step = Math.max(1, Math.floor(files.length / count));
  return files.filter((_, i) => i % step === 0).slice(0, count);
}

const functions = parse(`onnx 10 "" opset "" 20 opset "my" 1
  graph g { input %x: float32[n] init %s = sparse [2] float32[1] {1} @s at int64[1] {0}
    %y = my::f(%x) {alpha: 2.0} %z = Loop(_, _, %y) {body: graph b { input %i: int64[] input %c: bool[] input %t: float32[n]
      %d = Identity(%c) %u = Add(%t, %s) output %d output %u }} output %z quantization %x {SCALE_TENSOR: %s} }
  function my::f { opset "" 20 attribute alpha = 1.0 input %a %b = LeakyRelu(%a) {alpha: reference float alpha} output %b }`);

const built = [everything(), randomModel(1), functions].map((model, i) => [`built ${i}`, writeModel(model)] as const);
const files = folders.flatMap((folder) => spread(onnxFiles(folder), isFull ? 60 : 12));
const subjects = [...built, ...files.map((file) => [path.basename(path.dirname(file)), readFileSync(file)] as const)];

/** Reads damaged bytes and does with the model what a user would; true when they were still a model. */
async function survives(bytes: Uint8Array): Promise<boolean> {
  try {
    const model = await readModel(bytes);
    print(model);
    // A model that says of itself what cannot be may be refused at each step, in the same words.
    for (const step of [check, writeModel, inferModel]) attempt(() => step(model));
    attempt(() => runPasses(model, [sortNodes, eliminateDeadCode, eliminateIdentity, eliminateCommonSubexpressions]));
    return true;
  } catch (error) {
    if (!(error instanceof OnnxError) || error.kind !== 'input') throw error;
    return false;
  }
}

function attempt(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
  }
}

describe(`damaged models, seed ${SEED}`, () => {
  it('come from files of other writers too', () => {
    expect(files.length).toBeGreaterThan(2);
  });

  it.each(Object.keys(mutations))(
    '%s: nothing but OnnxError comes out, in bounded time and memory',
    async (name) => {
      const mutate = mutations[name] as (typeof mutations)[string];
      const before = process.memoryUsage.rss();
      let refused = 0;
      for (const [subject, bytes] of subjects) {
        const lengths = lengthFields(bytes);
        const next = random(SEED + subject.length);
        for (let i = 0; i < CASES; i++) {
          const damaged = mutate(bytes, next, lengths);
          const start = performance.now();
          const isModel = await survives(damaged).catch((cause: unknown) => {
            throw new Error(`${subject}, ${name}, case ${i}, seed ${SEED}`, { cause });
          });
          const time = performance.now() - start;
          if (time > MOST_TIME) throw new Error(`${subject}, ${name}, case ${i}, seed ${SEED}: ${time} ms`);
          if (!isModel) refused++;
        }
      }
      expect(process.memoryUsage.rss() - before).toBeLessThan(MOST_GROWTH);
      expect(refused).toBeGreaterThan(subjects.length);
    },
    isFull ? 1_200_000 : 60_000,
  );
});
