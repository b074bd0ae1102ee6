import path from 'node:path';

interface Named {
  readonly model: string;
  readonly task?: string | undefined;
  readonly dataset?: string | undefined;
  readonly method?: string | undefined;
  readonly sparsity?: number | undefined;
  readonly out?: string | undefined;
}

/** Run folder of a training verb, relative to the working directory: `out`, or a name made from what was asked. */
export function runFolder({ model, task, dataset, method = 'dense', sparsity, out }: Named): string {
  if (out !== undefined) return out;
  const share = sparsity === undefined ? '' : String(Math.round(sparsity * 1000) / 10);
  return path.posix.join('runs', `${path.basename(model)}-${task ?? path.basename(dataset ?? '')}-${method}${share}`);
}
