import { type Node, parseSync, Visitor } from 'oxc-parser';

/** A function, method or named arrow function. */
export interface MeasuredFunction {
  readonly name: string;
  /** From the signature to the closing line. */
  readonly lines: number;
}

/** What is counted in one source file. */
export interface Measured {
  readonly file: string;
  /** All lines. */
  readonly lines: number;
  /** Lines that are not blank. */
  readonly filled: number;
  /** Lines with a comment on them alone. */
  readonly comments: number;
  readonly functions: readonly MeasuredFunction[];
  /** Declarations exported by name. */
  readonly exports: number;
  /** Names of exported declarations without a doc comment. */
  readonly undocumented: readonly string[];
}

/** Counts a TypeScript source; throws for one that does not parse. */
export function measure(file: string, source: string): Measured {
  const { program, comments, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const functions: MeasuredFunction[] = [];
  const exported = new Map<string, boolean>(); // a value and a type of one name count once
  const docEnds = comments.filter(({ value }) => value.startsWith('*')).map(({ end }) => end);
  const take = (name: string, { start, end }: Node) => {
    functions.push({ name, lines: source.slice(start, end).split('\n').length });
  };

  new Visitor({
    FunctionDeclaration: (node) => take(node.id?.name ?? 'default', node),
    MethodDefinition: (node) => take(nameOf(node.key), node),
    VariableDeclarator: (node) => isFunction(node.init) && take(nameOf(node.id), node),
    Property: (node) => isFunction(node.value) && take(nameOf(node.key), node),
    PropertyDefinition: (node) => isFunction(node.value) && take(nameOf(node.key), node),
    ExportNamedDeclaration({ declaration, start }) {
      if (!declaration) return;
      const documented = docEnds.some((end) => end <= start && source.slice(end, start).trim() === '');
      for (const name of declaredNames(declaration)) exported.set(name, documented || (exported.get(name) ?? false));
    },
  }).visit(program);

  const rows = source.split('\n');
  return {
    file,
    lines: rows.length - (rows.at(-1) === '' ? 1 : 0),
    filled: rows.filter((row) => row.trim() !== '').length,
    comments: commentLines(source, comments),
    functions,
    exports: exported.size,
    undocumented: [...exported].flatMap(([name, documented]) => (documented ? [] : [name])),
  };
}

function isFunction(node: Node | null): boolean {
  return node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionExpression';
}

function nameOf(node: Node): string {
  return node.type === 'Identifier' || node.type === 'PrivateIdentifier' ? node.name : node.type;
}

function declaredNames(declaration: Node): string[] {
  if (declaration.type === 'VariableDeclaration') return declaration.declarations.map(({ id }) => nameOf(id));
  return 'id' in declaration && declaration.id ? [nameOf(declaration.id)] : [declaration.type];
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Lines that hold nothing but a comment: what stands behind code on its line is not counted. */
function commentLines(source: string, comments: readonly Span[]): number {
  return comments
    .filter(({ start }) => source.slice(source.lastIndexOf('\n', start - 1) + 1, start).trim() === '')
    .reduce((sum, { start, end }) => sum + source.slice(start, end).split('\n').length, 0);
}
