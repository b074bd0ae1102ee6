import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Larger files are no configuration. */
const MAX_BYTES = 1_000_000;

const Section = z.record(z.string(), z.unknown());

/** A project's `neuroprune.json`: a section of options for each verb, as `neuroprune VERB --config` reads it. */
export const ProjectFile = z.object({
  prune: Section.optional(),
  evaluate: Section.optional(),
  publish: Section.optional(),
});

/** Sections of a project's `neuroprune.json`. */
export type ProjectFile = z.output<typeof ProjectFile>;

/** Reads a project's `neuroprune.json`; throws one line for a file that is no JSON object of sections. */
export async function readProjectFile(file: string): Promise<ProjectFile> {
  const text = await readFile(file, 'utf8');
  if (text.length > MAX_BYTES) throw new Error(`${file}: expected at most ${MAX_BYTES} characters, got ${text.length}`);
  const parsed = ProjectFile.safeParse(parse(text, file));
  if (parsed.success) return parsed.data;
  throw new Error(`${file}: ${z.prettifyError(parsed.error).replace(/\s*\n\s*/g, ' ')}`);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file}: expected JSON, got ${(cause as SyntaxError).message}`, { cause });
  }
}
