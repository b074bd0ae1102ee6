export { backward } from './backward.js';
export type { DistillOptions } from './distill.js';
export { dropoutScalars } from './dropout.js';
export { AutodiffError } from './errors.js';
export { type Evaluate, type GradientCase, gradcheck, type Tensors } from './gradcheck.js';
export { type GradientOptions, gradients } from './gradients.js';
export { controlFlow, nonDifferentiable, pending } from './lists.js';
export { type CrossEntropyOptions, type Loss, losses, lossInputs, type Targets } from './loss.js';
export { coefficientInput, type Terms } from './objective.js';
export {
  type AdamWOptions,
  type AdamWScalar,
  type AdamWStep,
  type AdamWVariable,
  adamw,
  adamwScalars,
} from './optim/adamw.js';
export { clipByGlobalNorm, clipByValue } from './optim/clip.js';
export { ema, emaScalars } from './optim/ema.js';
export {
  chain,
  type Optimizer,
  type StackContext,
  type Start,
  type Update,
  type UpdateContext,
} from './optim/optimizer.js';
export { type SgdOptions, type SgdScalar, type SgdStep, sgd, sgdScalars } from './optim/sgd.js';
export type { LossScaling } from './optim/skipping.js';
export type { Precision } from './precision.js';
export type { ControlFlow, Differentiable, NonDifferentiable, Pending, Rule, RuleContext } from './rule.js';
export type { Pattern, Rates, Selection } from './select.js';
export { initialState, parametersOf, type State, slotsOf } from './state.js';
export { type TrainableOptions, trainable } from './trainable.js';
