import { readFileSync } from 'node:fs';

/** Vulkan drivers that compute on the CPU, by the names of their libraries. */
const SOFTWARE = /(?:^|\/)(?:libvk_swiftshader|libvulkan_lvp|libvulkan_lavapipe|libGLESv2_swiftshader)\b[^/]*$/;
/** Vulkan drivers of GPUs: NVIDIA's, AMD's own, and Mesa's. */
const HARDWARE = /(?:^|\/)(?:libGLX_nvidia|libnvidia-glvkspirv|amdvlk|libvulkan_(?!lvp|lavapipe)\w+)\b[^/]*$/;

/**
 * The driver that computes on the CPU in the place of a GPU; undefined where the libraries loaded into a process have a
 * GPU's beside it, which Dawn takes first, or none that is known.
 */
export function softwareDriver(libraries: readonly string[]): string | undefined {
  if (libraries.some((file) => HARDWARE.test(file))) return undefined;
  return libraries.find((file) => SOFTWARE.test(file))?.replace(/^.*\//, '');
}

/** Paths of the libraries that this process has loaded; none where the system does not say (it does on Linux). */
export function loadedLibraries(maps = '/proc/self/maps'): string[] {
  if (process.platform !== 'linux') return [];
  const paths = readFileSync(maps, 'utf8')
    .split('\n')
    .map((line) => line.slice(line.indexOf('/')));
  return [...new Set(paths.filter((file) => /^\/.*\.so/.test(file)))];
}
