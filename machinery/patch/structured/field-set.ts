/**
 * Sets of an object's fields, in the form in which `metadata.managedFields` has them on the wire (FieldsV1): a tree whose keys are
 * path elements. A node without children is in the set; one with children is when it has the key `.` too. The root is the whole
 * object and never in the set. Sets are values: nothing here changes its arguments, and results may share their nodes.
 *
 * Source: "Server-Side Apply", managed fields; FieldsV1, meta/v1.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A set that is being built. */
export interface FieldSetDraft {
  [element: string]: FieldSet;
}

export const noFields: FieldSet = Object.freeze({});

/** What marks a node with children as being in the set itself. */
const self = '.';

export function isEmpty(set: FieldSet): boolean {
  // Faster than asking for its keys, which makes a list of them.
  for (const element in set) return element === undefined;
  return true;
}

/** Is a node (not a root) in its set? */
function isMember(node: FieldSet): boolean {
  return isEmpty(node) || node[self] !== undefined;
}

/** A node of these children, which must not have `.`; undefined: nothing is left of it. */
export function nodeOf(children: FieldSetDraft, member: boolean): FieldSet | undefined {
  if (isEmpty(children)) return member ? noFields : undefined;
  if (member) children[self] = noFields;
  return children;
}

/** In either. What is in order stays so. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  return unionOfChildren(a, b, false) ?? noFields;
}

function unionOfNodes(a: FieldSet, b: FieldSet): FieldSet {
  return a === b ? a : unionOfChildren(a, b, isMember(a) || isMember(b)) ?? noFields;
}

function unionOfChildren(a: FieldSet, b: FieldSet, member: boolean): FieldSet | undefined {
  const children = newChildren();
  for (const element in a) {
    if (element === self) continue;
    const [mine, theirs] = [a[element] ?? noFields, b[element]];
    children.elements.push(element);
    children.nodes.push(theirs === undefined ? mine : unionOfNodes(mine, theirs));
  }
  for (const element in b) if (element !== self && a[element] === undefined) putChild(children, element, b[element] ?? noFields);
  return withChildren(children, member);
}

/** In `a` and not in `b`. What is below a field of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return a;
  return filtered(a, (element, mine) => {
    const theirs = b[element];
    if (theirs === undefined || element === self) return mine;
    const left = difference(mine, theirs);
    return left === mine && !isMember(theirs) ? mine : nodeOf(childrenOf(left), isMember(mine) && !isMember(theirs));
  });
}

/** As `difference`, and without what is below the fields of `b`. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return a;
  return filtered(a, (element, mine) => {
    const theirs = b[element];
    if (theirs === undefined || element === self) return mine;
    if (isMember(theirs)) return undefined;
    const left = differenceBelow(mine, theirs);
    return left === mine ? mine : nodeOf(childrenOf(left), isMember(mine));
  });
}

/** In both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return filtered(a, (element, mine) => {
    const theirs = b[element];
    if (theirs === undefined || element === self) return undefined;
    return nodeOf(childrenOf(intersection(mine, theirs)), isMember(mine) && isMember(theirs));
  });
}

function childrenOf({ [self]: _self, ...children }: FieldSet): FieldSetDraft {
  return children;
}

function filtered(set: FieldSet, keep: (element: string, node: FieldSet) => FieldSet | undefined): FieldSet {
  const out: FieldSetDraft = {};
  let isSame = true;
  for (const element in set) {
    const node = set[element] ?? noFields;
    const kept = keep(element, node);
    if (kept !== node) isSame = false;
    if (kept !== undefined) out[element] = kept;
  }
  return isSame ? set : out;
}

export function isEqual(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const element in a) {
    const theirs = b[element];
    if (theirs === undefined || !isEqual(a[element] ?? noFields, theirs)) return false;
    count++;
  }
  return count === Object.keys(b).length;
}

export function has(set: FieldSet, path: readonly string[]): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.[element];
  return node !== undefined && path.length > 0 && isMember(node);
}

/** What is below an element; no fields when nothing is. */
export function below(set: FieldSet, element: string): FieldSet {
  const node = set[element];
  return node === undefined ? noFields : childrenOf(node);
}

/** The set of these paths. */
export function setOf(...paths: readonly (readonly string[])[]): FieldSet {
  return paths.reduce<FieldSet>((set, path) => union(set, path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), noFields)), noFields);
}

/** The members' paths, in canonical order: a field before what is below it. */
export function pathsOf(set: FieldSet): string[][] {
  return elementsOf(set).flatMap((element) => {
    const node = set[element] ?? noFields;
    return [...(isMember(node) ? [[element]] : []), ...pathsOf(node).map((path) => [element, ...path])];
  });
}

function elementsOf(set: FieldSet): string[] {
  return Object.keys(set).filter((element) => element !== self).toSorted();
}

/** Collects the children of a node. */
export interface Children {
  readonly elements: string[];
  readonly nodes: FieldSet[];
  /** Where each element is, once there are many. */
  places: Map<string, number> | undefined;
  /** Are they in canonical order? Few always are. */
  isSorted: boolean;
}

export function newChildren(): Children {
  return { elements: [], nodes: [], places: undefined, isSorted: true };
}

/** So many are kept in order as they come; more are sorted at the end: each at its place would take all day. */
const few = 32;

export function hasChild({ elements, places }: Children, element: string): boolean {
  return places === undefined ? elements.includes(element) : places.has(element);
}

/** Puts a child where it belongs, most often at the end; one that is there already is replaced. */
export function putChild(children: Children, element: string, node: FieldSet): void {
  const { elements, nodes } = children;
  if (children.places !== undefined || elements.length >= few) return putAmongMany(children, element, node);
  let at = elements.length;
  for (let before = elements[at - 1]; before !== undefined && before > element; before = elements[at - 1]) at--;
  if (elements[at - 1] === element) {
    nodes[at - 1] = node;
  } else if (at === elements.length) {
    elements.push(element);
    nodes.push(node);
  } else {
    elements.splice(at, 0, element);
    nodes.splice(at, 0, node);
  }
}

function putAmongMany(children: Children, element: string, node: FieldSet): void {
  const { elements, nodes } = children;
  children.places ??= new Map(elements.map((one, index) => [one, index]));
  const at = children.places.get(element);
  if (at !== undefined) {
    nodes[at] = node;
    return;
  }
  children.isSorted &&= (elements.at(-1) ?? '') < element;
  children.places.set(element, elements.length);
  elements.push(element);
  nodes.push(node);
}

/** The node of these children; undefined: nothing is left of it. */
export function withChildren({ elements, nodes, places, isSorted }: Children, member: boolean): FieldSet | undefined {
  if (elements.length === 0) return member ? noFields : undefined;
  const out: FieldSetDraft = {};
  if (member) out[self] = noFields;
  if (!isSorted && places !== undefined) {
    for (const element of elements.toSorted()) out[element] = nodes[places.get(element) ?? 0] ?? noFields;
    return out;
  }
  for (let i = 0; i < elements.length; i++) out[elements[i] ?? ''] = nodes[i] ?? noFields;
  return out;
}
