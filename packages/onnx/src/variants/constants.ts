import { allGraphs, type Graph, Value } from '../model.js';
import type { Tensor } from '../tensor.js';

/** Adds constants to the outermost graph, where the graphs inside it see them too. */
export class Constants {
  private readonly names: Set<string>;

  constructor(private readonly root: Graph) {
    const values = allGraphs(root).flatMap((g) => [
      ...g.inputs,
      ...g.initializers,
      ...(g.sparse ?? []),
      ...g.nodes.flatMap((n) => n.outputs),
    ]);
    this.names = new Set(values.map((v) => v.name));
  }

  /** An initializer of that name, with a number behind it where the name is taken. */
  add(name: string, content: Tensor): Value {
    const value = new Value(this.free(name), content.dtype, content.dims);
    value.tensor = content;
    this.root.initializers.push(value);
    return value;
  }

  /** A name nobody has. */
  free(name: string): string {
    let own = name;
    for (let n = 1; this.names.has(own); n++) own = `${name}_${n}`;
    this.names.add(own);
    return own;
  }
}
