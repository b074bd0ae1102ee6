import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { NeuropruneError } from '../error.js';
import { isVerbName, type VerbName } from '../schema/verbs.js';

/** Larger files are no configuration. */
const MAX_CONFIG_BYTES = 1_000_000;

type Section = Readonly<Record<string, unknown>>;

/**
 * Options of a verb from a JSON file: the whole object, or the verb's section where all keys are verbs.
 * Throws an input error for a file that cannot be read, is no JSON object, or lacks the section.
 */
export async function readConfig(file: string, verb: VerbName, cwd: string): Promise<Section> {
  const { $schema: _, ...content } = object(await readJson(file, cwd), file);
  const sections = Object.keys(content);
  if (sections.length === 0 || !sections.every(isVerbName)) return content;
  if (Object.hasOwn(content, verb)) return object(content[verb], `${verb} in ${file}`);
  throw new NeuropruneError('input', `${file}: expected a section ${verb}, got ${sections.join(', ')}`);
}

async function readJson(file: string, cwd: string): Promise<unknown> {
  const text = await readFile(path.resolve(cwd, file), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new NeuropruneError('input', `${file}: expected a readable JSON file, got ${cause.code}`, { cause });
  });
  if (text.length > MAX_CONFIG_BYTES) {
    throw new NeuropruneError('input', `${file}: expected at most ${MAX_CONFIG_BYTES} characters, got ${text.length}`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NeuropruneError('input', `${file}: expected JSON, got ${(cause as SyntaxError).message}`, { cause });
  }
}

function object(value: unknown, subject: string): Section {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Section;
  throw new NeuropruneError('input', `${subject}: expected a JSON object, got ${JSON.stringify(value)}`);
}
