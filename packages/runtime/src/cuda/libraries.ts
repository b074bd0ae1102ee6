import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A library that another one needs. */
export interface NeededLibrary {
  readonly name: string;
  /** Where the dynamic linker finds it; undefined where it does not. */
  readonly path?: string;
}

/** What belongs to every Linux system, not to CUDA. */
const SYSTEM = /^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s)[.-]/;

/** What a shared library needs beside the system's own libraries, as the dynamic linker resolves it now. */
export async function neededLibraries(file: string): Promise<NeededLibrary[]> {
  const { stdout } = await promisify(execFile)('ldd', [file], { timeout: 30_000 });
  return parseLdd(stdout).filter(({ name }) => !SYSTEM.test(name));
}

/** Reads what `ldd` prints: `name => path (address)`, or `name => not found`. */
export function parseLdd(output: string): NeededLibrary[] {
  return output.split('\n').flatMap((line) => {
    const [, name, path] = /^\s*(\S+) => (not found|\S+)/.exec(line) ?? [];
    return name ? [path === 'not found' || path === undefined ? { name } : { name, path }] : [];
  });
}
