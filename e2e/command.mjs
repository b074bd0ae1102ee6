import { spawn } from 'node:child_process';

/** Variables of an npm or Nx run around this one, which would point the fresh workspace back at the repository. */
const OUTER = /^(NX_|INIT_CWD$|NODE_PATH$|HF_|npm_package_|npm_lifecycle_|npm_execpath$|npm_config_local_prefix$)/;

/** The environment of a user: nothing of the run around this one, no daemon, no downloads at install time. */
export function userEnv(extra = {}) {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OUTER.test(name)));
  return { ...own, CI: 'true', NX_DAEMON: 'false', ONNXRUNTIME_NODE_INSTALL: 'skip', NO_COLOR: '1', ...extra };
}

/**
 * Runs a command to its end.
 * @param {readonly string[]} command @param {{cwd: string, env?: Record<string, string | undefined>}} options
 * @returns {Promise<{code: number | null, stdout: string, stderr: string}>}
 */
export function run([file, ...args], { cwd, env = userEnv() }) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (part) => (text.stdout += part));
    child.stderr.on('data', (part) => (text.stderr += part));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...text }));
  });
}

/** Runs a command that must succeed and gives what it wrote to stdout. */
export async function succeed(command, options) {
  const { code, stdout, stderr } = await run(command, options);
  if (code === 0) return stdout;
  const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n    ');
  throw new Error(`${command.join(' ')}: exit code ${code}\n    ${lines}`);
}

/** Starts a command that goes on, and waits for the first line that matches; `end` asks it to stop. */
export function start([file, ...args], { cwd, env = userEnv() }, pattern) {
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.on('close', resolve));
  const ready = new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
      const match = pattern.exec(text);
      if (match) resolve(match);
    });
    child.on('error', reject);
    closed.then((code) => reject(new Error(`${file}: ended with ${code} before it was ready`)));
  });
  const end = () => {
    child.kill('SIGTERM');
    return closed;
  };
  return { ready, end };
}
