import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The folder of ONNX Runtime's own library, beside which a provider's libraries have to lie. */
export function runtimeFolder(): string {
  const root = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const { platform, arch } = process;
  // The folder's name carries the version of Node-API that the binding was built for.
  const found = [9, 8, 7, 6, 5, 4, 3].map((n) => path.join(root, 'bin', `napi-v${n}`, platform, arch)).find(existsSync);
  return found ?? path.join(root, 'bin');
}
