import { fieldOf, isList, isObject, type JsonObject } from '../json-value.ts';
import { itemElement } from './path-element.ts';
import { fieldAt, shapeFor, type ListShape, type MapShape, type Shape, type StructShape } from './shape.ts';

/** `live` with all that `config` says; neither is changed. Items of lists that merge keep their places, but where the config orders them. */
export function mergeConfig(shape: StructShape, live: JsonObject, config: JsonObject): JsonObject {
  return mergeFields(shape, live, config);
}

function mergeValues(shape: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  const own = shapeFor(shape, config);
  if (own.type === 'leaf' || live === undefined || own.type !== shapeFor(shape, live).type) return config;
  if (own.type === 'list') {
    const [before, wanted] = [isList(live) ? live : [], isList(config) ? config : []];
    return before.length === 0 && wanted.length === 0 ? config : mergeItems(own, before, wanted);
  }
  const [before, wanted] = [isObject(live) ? live : {}, isObject(config) ? config : {}];
  return Object.keys(before).length === 0 && Object.keys(wanted).length === 0 ? config : mergeFields(own, before, wanted);
}

function mergeFields(shape: StructShape | MapShape, live: JsonObject, config: JsonObject): JsonObject {
  const merged = new Map(Object.entries(live));
  for (const [name, value] of Object.entries(config)) {
    const inner = shape.type === 'map' ? shape.values : fieldAt(shape, name)?.shape;
    merged.set(name, inner === undefined ? value : mergeValues(inner, fieldOf(live, name), value));
  }
  return Object.fromEntries(merged);
}

/**
 * Items that both have go in the config's order, others in the order of the list that has them; before a shared item come those that
 * precede it in the live list, then those that precede it in the config.
 */
function mergeItems(shape: ListShape, live: readonly unknown[], config: readonly unknown[]): readonly unknown[] {
  const before = live.map((item) => ({ element: itemElement(shape, item), item }));
  const wanted = config.map((item) => ({ element: itemElement(shape, item), item }));
  const counts = Map.groupBy(before, ({ element }) => element);
  const asked = new Set(wanted.map(({ element }) => element));
  const shared = wanted.map(({ element }) => element).filter((element) => counts.has(element));
  const done = new Set<string>();
  const out: unknown[] = [];
  let [l, w, s] = [0, 0, 0];
  const takeWanted = (): void => {
    const { element, item } = wanted[w++] ?? { element: '', item: undefined };
    const same = counts.get(element) ?? [];
    // A duplicate in the live list can't be merged with: the config's item takes the place of all of them.
    out.push(same.length === 1 ? mergeValues(shape.items, same[0]?.item, item) : item);
    done.add(element);
    if (shared[s] === element) s++;
  };
  while (l < before.length || w < wanted.length) {
    const [old, next] = [before[l], wanted[w]];
    if (old !== undefined && !asked.has(old.element)) {
      out.push(old.item);
      l++;
    } else if (old !== undefined && next !== undefined && old.element === next.element) {
      takeWanted();
      l++;
    } else if (old !== undefined && next !== undefined && shared[s] !== undefined && shared[s] !== old.element) {
      l++;
    } else {
      if (old !== undefined && done.has(old.element)) l++;
      if (next !== undefined) takeWanted();
    }
  }
  return out;
}
