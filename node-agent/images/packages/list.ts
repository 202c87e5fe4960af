import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../../machinery/thrown.ts';
import { replaceFile } from '../../replace-file.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { temporaryName } from '../incoming.ts';
import type { Package } from './parse.ts';
import { scanPackages } from './scan.ts';

export interface PackageListOptions {
  /** Unpacked, lowest first. */
  readonly layers: readonly string[];
  /** Where the answer is kept: layers never change. */
  readonly path: string;
  readonly incomingDir: string;
  readonly opaqueDirectories: Runtime['opaqueDirectories'];
}

/** Changes with what is looked for: lists of an earlier form are made anew. */
const form = 1;
const deadlineMs = 10 * 60_000;

/** The packages of an image, looked for once. */
export async function listPackages({ layers, path, incomingDir, opaqueDirectories }: PackageListOptions): Promise<readonly Package[]> {
  const known = await readKept(path);
  if (known !== undefined) return known;
  const scanned = [];
  for (const layer of layers) scanned.push({ path: layer, opaque: await opaqueDirectories(layer, join(incomingDir, temporaryName('opaque'))) });
  const packages = await scanPackages(scanned, AbortSignal.timeout(deadlineMs));
  await replaceFile(path, JSON.stringify({ form, packages }));
  return packages;
}

async function readKept(path: string): Promise<readonly Package[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '{}';
    throw error;
  });
  const kept = Object(JSON.parse(text)) as { readonly form?: unknown; readonly packages?: unknown };
  // Written by `listPackages` alone, atomically: its parts are taken on trust.
  return kept.form === form ? kept.packages as readonly Package[] : undefined;
}
