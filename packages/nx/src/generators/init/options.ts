import { z } from 'zod';

/** Options of the `init` generator. */
export const InitOptions = z.strictObject({
  skipFormat: z.boolean().default(false).meta({ description: 'Leave the changed files unformatted' }),
  skipPackageJson: z.boolean().default(false).meta({ description: 'Leave package.json as it is' }),
});

/** Options of the `init` generator as a caller gives them. */
export type InitInput = z.input<typeof InitOptions>;

/** The generator's schema.json, which is written from `InitOptions`. */
export function initSchema(): Record<string, unknown> {
  return {
    $id: 'NeuroPruneInit',
    title: 'Set up NeuroPrune',
    ...z.toJSONSchema(InitOptions, { io: 'input', target: 'draft-07' }),
  };
}
