import { z } from 'zod';

/** Names under which the plugin infers its targets; what `nx.json` may set for it. */
export const PluginOptions = z.strictObject({
  pruneTargetName: z.string().min(1).default('prune'),
  evaluateTargetName: z.string().min(1).default('evaluate'),
  publishTargetName: z.string().min(1).default('publish'),
});

/** Options of the plugin with defaults filled in. */
export type PluginOptions = z.output<typeof PluginOptions>;

/** Options of the plugin as `nx.json` gives them. */
export type PluginInput = z.input<typeof PluginOptions>;

/** Fills in the defaults; throws one line for options that are unknown or of the wrong type. */
export function normalizeOptions(input: PluginInput | undefined): PluginOptions {
  const parsed = PluginOptions.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  throw new Error(`@neuroprune/nx options in nx.json: ${z.prettifyError(parsed.error).replace(/\s*\n\s*/g, ' ')}`);
}
