import type { Architecture, ModelConfig } from './architecture.js';

/** Where a configuration keeps it: a symbol, so that it is never stored. */
const OWN = Symbol('architecture');

interface Carrier {
  readonly [OWN]?: Architecture;
}

/** A configuration with an architecture of its own: that of a model that came without source, as one ONNX graph. */
export const withArchitecture = <C extends ModelConfig>(config: C, architecture: Architecture): C => {
  const own: C & Carrier = { ...config, [OWN]: architecture };
  return own;
};

/** The architecture that a configuration brings along. */
export const ownArchitecture = (config: unknown): Architecture | undefined =>
  typeof config === 'object' && config !== null ? (config as Carrier)[OWN] : undefined;
