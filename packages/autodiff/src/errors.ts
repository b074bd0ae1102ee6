import type { Node } from '@neuroprune/onnx';

/** A model that cannot be differentiated or trained as asked; `kind` says whose mistake it is (`input`: the model's or caller's). */
export class AutodiffError extends Error {
  override readonly name = 'AutodiffError';
  constructor(
    message: string,
    readonly kind: 'input' | 'job' = 'input',
    options?: ErrorOptions,
  ) {
    super(`autodiff: ${message}`, options);
  }
}

/** Throws `subject: expected …, got …` where a condition does not hold. */
export function demand(holds: boolean, subject: string, expected: string, got: unknown): void {
  if (!holds) throw new AutodiffError(`${subject}: expected ${expected}, got ${got}`);
}

/** What a message calls a node: its name, or that of its first result. */
export const nameOf = (node: Node): string => node.name || (node.outputs[0]?.name ?? '');
