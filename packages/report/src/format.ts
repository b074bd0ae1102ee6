const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number with thousands separators. */
export function integer(n: number): string {
  return grouped.format(n);
}

/** A share 0 … 1 as per cent. */
export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** Bytes in decimal units, as file managers and the Hub show them. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Milliseconds with three significant digits. */
export function milliseconds(ms: number): string {
  return `${significant(ms)} ms`;
}

/** A duration in seconds, minutes or hours. */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${(seconds / 3600).toFixed(2)} h`;
}

/** A metric with four digits; NaN as a word. */
export function metric(value: number): string {
  return Number.isNaN(value) ? 'undefined' : value.toFixed(Math.abs(value) > 1 ? 2 : 4);
}

/** A signed difference of two metrics. */
export function difference(value: number): string {
  return Number.isNaN(value) ? '–' : `${value < 0 ? '−' : '+'}${metric(Math.abs(value))}`;
}

/** A number with three significant digits, without an exponent where it is readable. */
export function significant(n: number): string {
  const size = Math.abs(n);
  if (n === 0 || !Number.isFinite(n)) return `${n}`;
  if (size < 1e-3 || size >= 1e6) return n.toExponential(1).replace('-', '−');
  return size >= 100 ? n.toFixed(0) : `${Number(n.toPrecision(3))}`;
}
