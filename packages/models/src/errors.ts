/** A model, configuration or weight file that does not fit; `kind` says whose mistake it is (`input`: the file's or caller's). */
export class ModelsError extends Error {
  override readonly name = 'ModelsError';
  constructor(
    message: string,
    readonly kind: 'input' | 'job' = 'input',
    options?: ErrorOptions,
  ) {
    super(`models: ${message}`, options);
  }
}
