/** What ONNX Runtime says when a provider does not work, and the same in words. First match wins. */
const causes: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /libonnxruntime_providers_\w+\.so: cannot open shared object file/,
    () => "the provider's library is missing; get it with doctor --install-cuda",
  ],
  [
    /(lib[\w.+-]+\.so[\w.]*): cannot open shared object file/,
    ([, file]) => `the library ${file} is missing; install it, or name its folder in LD_LIBRARY_PATH`,
  ],
  [/driver version is insufficient/i, () => 'the driver is too old for this CUDA version; update it'],
  [/no CUDA-capable device|invalid device ordinal|CUDA failure 10[01]/i, () => 'there is no such GPU'],
  [/out of memory/i, () => 'the GPU has no memory left'],
  [/Couldn't load Vulkan/, () => 'no graphics driver: libvulkan.so.1 is missing'],
  [/Failed to get a WebGPU adapter|No supported adapters/i, () => 'no adapter: there is no GPU that WebGPU can use'],
  [/not (?:supported|available) in this build|Unknown|backend not found/i, () => 'this build of ONNX Runtime lacks it'],
];

/** The cause in words; the last line of what was said where it is none of the known ones. */
export function causeOf(said: string): string {
  for (const [pattern, words] of causes) {
    const match = pattern.exec(said);
    if (match) return words(match);
  }
  return said.trim().split('\n').at(-1)?.slice(0, 300) ?? 'it gave no reason';
}
