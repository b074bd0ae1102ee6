import { OnnxError } from '../errors.js';
import type { Attribute, Graph, Model, ModelFunction } from '../model.js';
import { readAttribute } from './attribute.js';
import type { ExternalReader } from './external-data.js';
import type { Message } from './message-reader.js';
import { readEntry, readNotes, recordOf } from './notes.js';
import { domainOf, GraphReader, listsInitializers } from './read-graph.js';
import { readValueInfo } from './types.js';

/** From this version of the format on, a model says which operator sets it uses. */
const IR_WITH_OPSETS = 3;

function readOpset(message: Message): readonly [domain: string, version: number] {
  let [domain, version] = ['', 0];
  message.read({
    1: (f) => {
      domain = domainOf(f.string());
    },
    2: (f) => {
      version = f.int();
    },
  });
  return [domain, version];
}

function opsetsOf(pairs: readonly (readonly [string, number])[]): Record<string, number> {
  const opsets = new Map<string, number>();
  for (const [domain, version] of pairs) {
    const known = opsets.get(domain) ?? version;
    if (known !== version) {
      throw new OnnxError(`operator set '${domain}': expected one version, got ${known} and ${version}`);
    }
    opsets.set(domain, version);
  }
  return Object.fromEntries(opsets);
}

/** Attributes outside a node: the defaults of a function, which hold no graph. */
function readDefault(message: Message, external: ExternalReader): readonly [string, Attribute] {
  const graph = (): Graph => {
    throw new OnnxError('function: expected defaults without graphs, got one');
  };
  return readAttribute(message, { external, graph });
}

function readFunction(message: Message, reader: GraphReader, external: ExternalReader): ModelFunction {
  const part = reader.parts();
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: string[] = [];
  const defaults: (readonly [string, Attribute])[] = [];
  const opsets: (readonly [string, number])[] = [];
  const f = { name: '', domain: '', overload: '' };
  const notes = readNotes(message, 8, 14, {
    1: (field) => {
      f.name = field.string();
    },
    4: (field) => inputs.push(field.string()),
    5: (field) => outputs.push(field.string()),
    6: (field) => attributes.push(field.string()),
    7: (field) => part.nodes.push(reader.node(field.message())),
    9: (field) => opsets.push(readOpset(field.message())),
    10: (field) => {
      f.domain = domainOf(field.string());
    },
    11: (field) => defaults.push(readDefault(field.message(), external)),
    12: (field) => part.infos.push(readValueInfo(field.message())),
    13: (field) => {
      f.overload = field.string();
    },
  });
  if (f.name === '') throw new OnnxError('function: expected a name, got none');
  const all = recordOf([...attributes.map((name) => [name, undefined] as const), ...defaults], `function '${f.name}'`);
  return {
    domain: f.domain,
    overload: f.overload,
    graph: reader.linkFunction(f.name, part, inputs, outputs, notes),
    attributes,
    defaults: Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Attribute] => !!entry[1])),
    opsets: opsetsOf(opsets),
  };
}

/** Reads a `ModelProto`. */
export function decodeModel(message: Message, external: ExternalReader): Model {
  let graph: Message | undefined;
  const model: Omit<Model, 'graph'> = { irVersion: 0, opsets: {}, metadata: {}, producer: '' };
  const opsets: (readonly [string, number])[] = [];
  const metadata: (readonly [string, string])[] = [];
  const functions: Message[] = [];
  const notes = readNotes(message, 6, 0, {
    1: (f) => {
      model.irVersion = f.int();
    },
    2: (f) => {
      model.producer = f.string();
    },
    3: (f) => {
      model.producerVersion = f.string();
    },
    4: (f) => {
      model.domain = f.string();
    },
    5: (f) => {
      model.version = f.int();
    },
    7: (f) => {
      graph = f.message();
    },
    8: (f) => opsets.push(readOpset(f.message())),
    14: (f) => metadata.push(readEntry(f.message())),
    25: (f) => functions.push(f.message()),
  });
  if (!graph) throw new OnnxError('model: expected a graph, got none');
  const reader = new GraphReader(listsInitializers(model.irVersion), external);
  const versions = opsets.length === 0 && model.irVersion < IR_WITH_OPSETS ? [['', 1] as const] : opsets;
  return {
    ...model,
    graph: reader.read(graph),
    opsets: opsetsOf(versions),
    metadata: recordOf(metadata, 'metadata of the model'),
    ...(functions.length > 0 && { functions: functions.map((f) => readFunction(f, reader, external)) }),
    ...(notes && { notes }),
  };
}
