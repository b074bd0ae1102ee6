/** How a process of sessions ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to its error output last. */
  readonly said: string;
}

/** What may be the matter where a signal ended the process. */
const causes: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: 'somebody, or the system for want of memory, ended it',
  SIGABRT: 'ONNX Runtime or the driver gave up',
  SIGSEGV: 'the driver or ONNX Runtime crashed',
  SIGBUS: 'the driver or ONNX Runtime crashed',
};

/** The error for whoever waits for an answer of a process that ended. */
export function endOf(provider: string, { code, signal, said }: ProcessEnd): string {
  const how = signal ? `signal ${signal}` : `exit code ${code}`;
  const [line] = said.trim().split('\n').filter(Boolean).slice(-1);
  const cause = line?.trim().slice(0, 300) ?? (signal && causes[signal]);
  return (
    `the process of sessions on ${provider} ended with ${how}${cause ? ` (${cause})` : ''}, and what it held is lost; ` +
    'go on from the last checkpoint with --resume; where it ends so again, update the driver or train with --device cpu'
  );
}
