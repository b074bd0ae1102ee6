/** A graph, file or operator that does not fit; `kind` says whose mistake it is (`input`: the file's or caller's). */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';
  constructor(
    message: string,
    readonly kind: 'input' | 'job' = 'input',
    options?: ErrorOptions,
  ) {
    super(`onnx: ${message}`, options);
  }
}
