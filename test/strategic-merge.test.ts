import { execFile } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schemaOf } from '../api/schema/builtin.ts';
import { strategicMerge } from '../machinery/patch/strategic-merge.ts';
import { original, patch } from './arbitrary/strategic-patch.ts';

/** Real kubectl is the oracle: `kubectl patch --local` merges with Kubernetes' own code, many objects with one patch at a time. */
const kubectl = join(import.meta.dirname, '..', 'generated', 'bin', 'kubectl');
const seed = 20_260_731;
/** A thousand objects in all where time is plenty. */
const patches = process.env['CI'] === 'true' ? 125 : 20;
const objectsOfEach = 8;

interface Named {
  readonly metadata: { readonly name: string };
}

/** What kubectl makes of the objects, by name; those that it refused are missing. */
function patchLocally(objects: readonly object[], change: object): Promise<ReadonlyMap<string, unknown>> {
  return new Promise((resolve, reject) => {
    const args = ['patch', '--local', '-f', '-', '--type=strategic', '-p', JSON.stringify(change), '-o', 'json'];
    const child = execFile(kubectl, args, { timeout: 20_000, maxBuffer: 1 << 26, env: { HOME: '/nonexistent' } }, (error, stdout) => {
      // Status 1 also when only some were refused.
      if (error !== null && error.code !== 1) reject(error);
      else resolve(new Map(documents(stdout).map((one) => [one.metadata.name, one])));
    });
    child.stdin?.on('error', reject).end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  });
}

/** kubectl prints one document after the other. */
function documents(text: string): Named[] {
  return text.split(/^(?=\{$)/m).filter((part) => part.trim() !== '').map((part) => JSON.parse(part) as Named);
}

/**
 * Without nulls and directives that met nothing to act on: kubectl's result keeps them (in new items of lists), to be dropped when
 * it is read. Where Kubernetes then takes `{name: x, $patch: delete}` for an item named x, we leave it out.
 */
function asRead(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isDirective(item)).map(asRead);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => !key.startsWith('$') && inner !== null && !isDirective(inner));
  return Object.fromEntries(kept.map(([key, inner]) => [key, asRead(inner)]));
}

function isDirective(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '$patch' in value;
}

function merged(object: object, change: object): unknown {
  try {
    return strategicMerge(schemaOf({ group: 'apps', version: 'v1', kind: 'Deployment' }), object, change);
  } catch {
    return undefined;
  }
}

describe('strategic merge', () => {
  const changes = fc.sample(patch, { seed, numRuns: patches });
  const objects = fc.sample(original, { seed, numRuns: patches * objectsOfEach })
    .map((object, i) => ({ apiVersion: 'apps/v1', kind: 'Deployment', ...object, metadata: { ...object.metadata, name: `d${i}` } }));

  it('does what kubectl does', async () => {
    for (const [i, change] of changes.entries()) {
      const some = objects.slice(i * objectsOfEach, (i + 1) * objectsOfEach);
      const wanted = await patchLocally(some, change);
      for (const object of some) {
        expect(merged(object, change), JSON.stringify({ object, change })).toEqual(asRead(wanted.get(object.metadata.name)));
      }
    }
  }, 120_000);
});
