import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { NeuropruneError } from '../error.js';

/** Times that two processes which came at once try again, each after a while of its own. */
const TRIES = 5;
/** Milliseconds of such a while, at most, and within which two came at once. */
const [WHILE, AT_ONCE] = [200, 2000];

/** Who holds a run folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** What tells a process from a later one of the same number; empty where the system does not say. */
  readonly started: string;
}

/** How often this process has asked for one, so that two calls in it have names of their own. */
let asked = 0;

/**
 * Does work with a run folder that no other process may change meanwhile. Throws an input error that names the process
 * that does; what a dead one left does not count.
 *
 * Each process puts a file of its own beside the folder, then looks for those of others: of two that come at once, the
 * one that looks later sees the other, so that never both go on. A file of a dead process may be removed by anyone, for
 * no other will ever have its name.
 */
export async function withRunLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const parent = path.dirname(folder);
  const made = await mkdir(parent, { recursive: true });
  const file = await acquire(folder);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
    if (made !== undefined) await rmdir(parent).catch(() => {}); // where nothing came into it
  }
}

async function acquire(folder: string): Promise<string> {
  const prefix = `.${path.basename(folder)}.lock.`;
  const place = path.dirname(folder);
  const name = `${prefix}${os.hostname()}.${process.pid}.${++asked}`;
  const file = path.join(place, name);
  const own: Holder = { pid: process.pid, host: os.hostname(), started: await startOf(process.pid) };
  for (let tries = 1; ; tries++) {
    await writeFile(file, JSON.stringify(own));
    const other = await otherOf(place, prefix, name);
    if (!other) return file;
    await rm(file, { force: true });
    if (tries === TRIES || !other.fresh) throw refusal(folder, other.file, other.holder);
    await wait(Math.random() * WHILE);
  }
}

interface Other {
  readonly file: string;
  /** Absent where its file is not written yet. */
  readonly holder: Holder | undefined;
  /** Whether it may have come at once with this process, and may give way as well. */
  readonly fresh: boolean;
}

/** A living process that has a file there; removes those of dead ones. */
async function otherOf(place: string, prefix: string, own: string): Promise<Other | undefined> {
  const names = (await readdir(place)).filter((name) => name.startsWith(prefix) && name !== own);
  for (const file of names.map((name) => path.join(place, name))) {
    const info = await stat(file).catch(() => undefined);
    if (!info) continue;
    const holder = await holderIn(file);
    const fresh = Date.now() - info.mtimeMs < AT_ONCE;
    const alive = holder ? await isAlive(holder) : fresh;
    if (alive) return { file, holder, fresh };
    await rm(file, { force: true });
  }
  return undefined;
}

/** Who wrote a lock; undefined where it is cut short, as by a power loss. */
async function holderIn(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Of a process on another machine nothing can be known, so that it counts. */
async function isAlive({ pid, host, started }: Holder): Promise<boolean> {
  if (host !== os.hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return started === (await startOf(pid));
}

/** When a process started, in ticks since the machine did (field 22 of `/proc/<pid>/stat`), and that machine's start. */
async function startOf(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const after = text.slice(text.lastIndexOf(')') + 2).split(' '); // the name in brackets may hold spaces
    return `${after[19]} ${boot.trim()}`;
  } catch {
    return '';
  }
}

function refusal(folder: string, file: string, holder: Holder | undefined): NeuropruneError {
  const elsewhere = holder && holder.host !== os.hostname() ? ` on ${holder.host}` : '';
  const hint = elsewhere === '' ? 'wait for it to end, or choose another --out' : `if it is dead, remove ${file}`;
  return new NeuropruneError(
    'input',
    `${folder}: expected a run folder that no other process works in, got one with process ${holder?.pid ?? '?'}${elsewhere}; ${hint}`,
  );
}
