import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { dataFolder, kinds } from './data.js';
import { type Ports, portsOf, type Recorded, readRecorded } from './recorded.js';

/** A test: a model and sets of recorded inputs and outputs. */
export interface Case {
  /** Kind and folder, `node/test_abs`. */
  readonly id: string;
  readonly folder: string;
  readonly model: Uint8Array;
  readonly ports: Ports;
  /** As many values as were recorded, in the order of the ports. */
  readonly sets: readonly { readonly inputs: readonly Recorded[]; readonly outputs: readonly Recorded[] }[];
}

/** Names of all tests, `kind/test`. */
export const allCases = (): string[] =>
  kinds.flatMap((kind) =>
    readdirSync(path.join(dataFolder, kind))
      .sort()
      .map((test) => `${kind}/${test}`),
  );

function recorded(folder: string, side: 'input' | 'output', ports: Ports): Recorded[] {
  const names = new Set(readdirSync(folder));
  return ports[`${side}s`].flatMap(({ type }, i) => {
    const file = `${side}_${i}.pb`;
    return names.has(file) ? [readRecorded(readFileSync(path.join(folder, file)), type)] : [];
  });
}

/** Reads a test. */
export function readCase(id: string): Case {
  const folder = path.join(dataFolder, id);
  const model = readFileSync(path.join(folder, 'model.onnx'));
  const ports = portsOf(model);
  const sets = readdirSync(folder)
    .filter((name) => name.startsWith('test_data_set_'))
    .sort()
    .map((name) => ({
      inputs: recorded(path.join(folder, name), 'input', ports),
      outputs: recorded(path.join(folder, name), 'output', ports),
    }));
  return { id, folder, model, ports, sets };
}
