/** Version of all metrics, that of this package; a change of a metric's values raises it. */
export const METRICS_VERSION = '0.1.0';

/** A signature in sacreBLEU's syntax, `key:value|…`, yes and no for booleans; `version` is ours where sacreBLEU has its own, and says so. */
export function signature(fields: Readonly<Record<string, string | number | boolean>>): string {
  const text = (value: string | number | boolean): string =>
    typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
  const pairs = Object.entries(fields).map(([key, value]) => `${key}:${text(value)}`);
  return [...pairs, `version:neuroprune-${METRICS_VERSION}`].join('|');
}
