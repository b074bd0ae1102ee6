export { backward } from './backward.js';
export { AutodiffError } from './errors.js';
export { type Evaluate, type GradientCase, gradcheck, type Tensors } from './gradcheck.js';
export { type GradientOptions, gradients } from './gradients.js';
