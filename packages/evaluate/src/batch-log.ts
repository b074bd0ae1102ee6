import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { EvaluateError } from './error.js';

/** What was made of the batches of one scoring, kept as it comes, so that one that was stopped goes on. */
export interface BatchLog extends AsyncDisposable {
  /** Numbers a row of a batch that was done before; undefined where it was not, or held other rows. */
  readonly find: (rows: readonly number[]) => readonly (readonly number[])[] | undefined;
  /** Adds a batch: the positions of its rows and what was made of each, as numbers of float32: logits, tokens, likelihoods. */
  readonly add: (rows: readonly number[], values: readonly (readonly number[])[]) => Promise<void>;
}

const Header = z.strictObject({ key: z.string() });
const Line = z.strictObject({ rows: z.array(z.int().min(0)).min(1), values: z.array(z.array(z.number())) });

type Batches = Map<number, z.output<typeof Line>>;

// Nine digits say every float32 exactly.
const short = (value: number): number => Number(value.toPrecision(9));

/**
 * Opens the log of a scoring: a line that holds `key`, then a line a batch, each written at once. With `resume`, lines of
 * before stay, from the first one that is not whole on they are cut off; else the file starts anew.
 * @throws EvaluateError (`input`) where `resume` finds the log of another key.
 */
export async function openBatchLog(file: string, key: string, { resume }: { resume: boolean }): Promise<BatchLog> {
  await mkdir(path.dirname(file), { recursive: true });
  const { batches, bytes } = resume ? await readLog(file, key) : { batches: new Map() as Batches, bytes: 0 };
  const handle = await open(file, 'a');
  await handle.truncate(bytes);
  if (bytes === 0) await handle.appendFile(`${JSON.stringify({ key })}\n`);
  let written = Promise.resolve();
  return {
    find: (rows) => {
      const found = batches.get(rows[0] ?? -1);
      return found && String(found.rows) === String(rows) ? found.values : undefined;
    },
    add: (rows, values) => {
      const line = `${JSON.stringify({ rows, values: values.map((row) => row.map(short)) })}\n`;
      written = written.then(() => handle.appendFile(line));
      return written;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** The batches of a log and the bytes that are good; none where there is no log. */
async function readLog(file: string, key: string): Promise<{ batches: Batches; bytes: number }> {
  const content = await readFile(file).catch(() => Buffer.alloc(0));
  const batches: Batches = new Map();
  let bytes = 0;
  for (let end = content.indexOf(0x0a); end >= 0; end = content.indexOf(0x0a, bytes)) {
    const value = parsed(content.toString('utf8', bytes, end));
    if (bytes === 0) checkKey(file, key, value);
    else {
      const line = Line.safeParse(value);
      if (!line.success || line.data.rows.length !== line.data.values.length) break;
      const values = line.data.values.map((row) => row.map(Math.fround));
      batches.set(line.data.rows[0]!, { rows: line.data.rows, values });
    }
    bytes = end + 1;
  }
  return { batches, bytes };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function checkKey(file: string, key: string, value: unknown): void {
  const header = Header.safeParse(value);
  if (header.success && header.data.key === key) return;
  throw new EvaluateError(
    'input',
    `${path.basename(file)}: expected a scoring of the same model, data and options, got another (${file}); ask for the same, or start anew`,
  );
}
