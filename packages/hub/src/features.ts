import { z } from 'zod';
import type { Card } from './card.js';

const Names = z.union([z.array(z.string()), z.record(z.string().regex(/^\d+$/), z.string()).transform(inOrder)]);

const CardFeatures = z.object({
  config_name: z.string().optional(),
  features: z.array(z.looseObject({ name: z.string(), dtype: z.unknown() })),
});

const ClassLabel = z.object({ class_label: z.object({ names: Names }) });

const Notes = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });

const NotedLabel = z.object({ _type: z.literal('ClassLabel'), names: Names });

function inOrder(names: Record<string, string>): string[] {
  return Object.entries(names)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => name);
}

/** Class names of a column as a card's `dataset_info` declares them; undefined where it does not. */
export function cardClassNames(
  { frontMatter }: Card,
  config: string | undefined,
  column: string,
): readonly string[] | undefined {
  const infos = [frontMatter.dataset_info].flat().flatMap((info) => CardFeatures.safeParse(info).data ?? []);
  const info = infos.find((one) => one.config_name === config) ?? (infos.length === 1 ? infos[0] : undefined);
  const feature = info?.features.find(({ name }) => name === column);
  return ClassLabel.safeParse(feature?.dtype).data?.class_label.names;
}

/** Class names of a column as the `huggingface` note in a parquet file's footer declares them. */
export function noteClassNames(note: string | undefined, column: string): readonly string[] | undefined {
  if (note === undefined) return undefined;
  try {
    const features = Notes.safeParse(JSON.parse(note)).data?.info.features;
    return NotedLabel.safeParse(features?.[column]).data?.names;
  } catch {
    return undefined; // a note nobody can read says nothing
  }
}
