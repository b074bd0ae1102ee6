/** Suffixes the Hub keeps outside git in a new repository. */
const suffixes =
  '7z arrow bin bz2 ckpt ftz gz h5 joblib mlmodel model msgpack npy npz onnx ot parquet pb pickle pkl pt pth rar ' +
  'safetensors tar tflite tgz wasm xz zip zst';

/** `.gitattributes` of a new repository. */
export const defaultAttributes: string = [
  ...suffixes.split(' ').map((suffix) => `*.${suffix}`),
  '*tfevents*',
  'saved_model/**/*',
]
  .map((pattern) => `${pattern} filter=lfs diff=lfs merge=lfs -text\n`)
  .join('');

/** Above this size a file is stored outside git whatever its name. */
const LFS_BYTES = 10 * 1024 * 1024;

/** Whether a file goes to large-file storage: by `.gitattributes`, or by size; empty files never do. */
export function isLfs(path: string, size: number, attributes: string): boolean {
  if (size === 0) return false;
  return size > LFS_BYTES || lfsPatterns(attributes).some((pattern) => pattern.test(path));
}

function lfsPatterns(attributes: string): RegExp[] {
  const lines = attributes.split('\n').map((line) => line.trim().split(/\s+/));
  return lines
    .filter(([pattern, ...rest]) => pattern !== '' && !pattern?.startsWith('#') && rest.includes('filter=lfs'))
    .map(([pattern]) => gitPattern(pattern ?? ''));
}

/** A pattern without a slash matches the last segment, one with a slash the whole path (gitattributes(5)). */
function gitPattern(pattern: string): RegExp {
  const body = pattern
    .replace(/^\//, '')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*\*|\*|\?/g, (glob) =>
      glob === '**/' ? '(?:.*/)?' : glob === '**' ? '.*' : glob === '*' ? '[^/]*' : '[^/]',
    );
  return new RegExp(pattern.includes('/') ? `^${body}$` : `(?:^|/)${body}$`);
}
