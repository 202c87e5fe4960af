import { isObject } from '../../machinery/patch/json-value.ts';
import { mostDepth } from './json-scan.ts';
import type { Pause } from './openapi-pieces.ts';
import type { Maps, Members } from './openapi-v2-merge.ts';
import { encodeDocument } from './openapi-v2-protobuf.ts';

/** More than any server's document holds: that of Kubernetes itself has some 100,000. */
const mostValues = 500_000;

/**
 * Another server's document of OpenAPI 2, of which all can be told on, in JSON and in protobuf. What no field is known for is let be.
 * Throws an Error that says what is wrong with it: no JSON, a value of another type than its field's, too deep, too large.
 */
export async function readDocument(body: Buffer, pause: Pause): Promise<Maps> {
  const document: unknown = JSON.parse(body.toString());
  if (!isObject(document)) throw new Error('the document is no object');
  await pause();
  measure(document, 1, { left: mostValues });
  const maps = { paths: membersOf(document, 'paths'), definitions: membersOf(document, 'definitions'), parameters: membersOf(document, 'parameters') };
  for (const [map, members] of Object.entries(maps)) {
    for (const [name, value] of members) {
      check(map, name, value);
      await pause();
    }
  }
  return maps;
}

/** The tables by which it will be written know what each field holds. */
function check(map: string, name: string, value: unknown): void {
  try {
    encodeDocument({ [map]: { [name]: value } }, 'left out');
  } catch (cause) {
    throw new Error(`${JSON.stringify(name)} in ${map} can not be told on: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function measure(value: unknown, depth: number, budget: { left: number }): void {
  budget.left -= 1;
  if (budget.left < 0) throw new Error(`the document has more than ${mostValues} values`);
  if (typeof value !== 'object' || value === null) return;
  if (depth > mostDepth) throw new Error(`the document is nested more than ${mostDepth} levels deep`);
  for (const own of Object.values(value)) measure(own, depth + 1, budget);
}

function membersOf(document: Readonly<Record<string, unknown>>, field: string): Members {
  const members = document[field] ?? {};
  if (!isObject(members)) throw new Error(`the document's ${field} are no object`);
  return new Map(Object.entries(members));
}
