import type { Model, StepSignature } from '@neuroprune/onnx';
import type { Batch } from '../batch.js';
import type { Provider, ResolvedSession } from '../device.js';
import type { EventInterface } from '../event.js';
import type { ScalarVectors } from '../staging.js';
import type { Inputs } from '../worker-protocol.js';
import { cuda } from './cuda-driver.js';
import { loop } from './loop-driver.js';
import { resident } from './resident-driver.js';

/** How steps are run on a provider, so that the state stays where the steps are. */
export interface Driver {
  /** Rejects where the device cannot run the step, for reasons that a user can mend. */
  readonly check?: (step: Model, session: ResolvedSession) => Promise<void>;
  /** The models that take the steps, and the event after some of them where it is one of its own; what is given is used up. */
  readonly modelsOf: (step: Model, event: Model | undefined) => { readonly steps: Model; readonly event?: Model };
  /** What an input or output of the step is called there. */
  readonly nameOf: (name: string) => string;
  /** Whether the state stays in buffers of the device. */
  readonly resident: boolean;
  /** The inputs of the runs that take the steps. Their buffers are new. */
  readonly stage: (
    signature: StepSignature,
    batches: readonly Batch[],
    scalars: ScalarVectors,
    event: EventInterface | undefined,
  ) => readonly Inputs[];
}

/** Each provider's driver. */
export const drivers: Readonly<Record<Provider, Driver>> = { cpu: loop, cuda, webgpu: resident };
