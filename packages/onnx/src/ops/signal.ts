import type { OpSpec } from './spec.js';

const window = { in: ['size'], attrs: { output_datatype: 'int', periodic: 'int' } } as const;

/** Fourier transforms, and what goes with them. */
export const signal = {
  BlackmanWindow: window,
  DFT: { in: ['x', 'dft_length?', 'axis?'], attrs: { inverse: 'int', onesided: 'int' } },
  HammingWindow: window,
  HannWindow: window,
  MelWeightMatrix: {
    in: ['num_mel_bins', 'dft_length', 'sample_rate', 'lower_edge_hertz', 'upper_edge_hertz'],
    attrs: { output_datatype: 'int' },
  },
  STFT: { in: ['signal', 'frame_step', 'window?', 'frame_length?'], attrs: { onesided: 'int' } },
} as const satisfies Record<string, OpSpec>;
