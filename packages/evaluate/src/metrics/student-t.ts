// Logarithm of the gamma function for x > 0 (Lanczos; coefficients of Godfrey, g = 607/128, n = 15).
const lanczos = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202,
  3.399464998481189e-5, 4.652362892704858e-5, -9.837447530487956e-5, 0.0001580887032249125, -0.00021026444172410488,
  0.00021743961811521265, -0.0001643181065367639, 8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
];

function logGamma(x: number): number {
  const sum = lanczos.reduce((total, c, i) => total + (i === 0 ? c : c / (x + i)), 0);
  const t = x + 5.2421875;
  return (x + 0.5) * Math.log(t) - t + Math.log((Math.sqrt(2 * Math.PI) * sum) / x);
}

// Lentz's continued fraction of the incomplete beta function (Press et al., Numerical Recipes, 6.4).
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const safe = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** Regularized incomplete beta function, with 1 − x given apart so that it keeps its digits near 1. */
export function incompleteBeta(x: number, rest: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(rest));
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a;
  return 1 - (front * betaFraction(rest, b, a)) / b;
}

/** Probability that two unrelated rows of n numbers correlate at least as far from 0 as r: Student's t with n − 2 degrees of freedom, two-sided. */
export function correlationPValue(r: number, n: number): number {
  if (Number.isNaN(r)) return Number.NaN;
  if (n === 2) return 1;
  return incompleteBeta((1 - r) * (1 + r), r * r, (n - 2) / 2, 0.5);
}
