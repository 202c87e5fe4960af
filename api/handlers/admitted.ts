import type { Admitted } from '../admission/admission.ts';
import type { Call } from '../request.ts';
import { isDryRun, type Writer } from './writer.ts';

const optionKinds = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;

/** What admission sees of a call beside the object. `change`: what is another than the call says. Throws 400. */
export function admitted(
  { caches }: Pick<Writer, 'caches'>, { resource, info, user, query, patchType, origin, warn, signal }: Call,
  change: Pick<Admitted, 'operation' | 'name' | 'old'> & Partial<Admitted>,
): Admitted {
  return {
    resource, subresource: info.subresource, namespace: info.namespace, user, caches, warn, signal,
    dryRun: isDryRun(query),
    options: optionsOf(patchType === undefined ? optionKinds[change.operation] : 'PatchOptions', query),
    annotate: (key, value) => { origin?.annotations.set(key, value); },
    ...change,
  };
}

function optionsOf(kind: string, { dryRun, fieldManager, fieldValidation, force }: Call['query']): Readonly<Record<string, unknown>> {
  return {
    kind, apiVersion: 'meta.k8s.io/v1',
    ...(dryRun === undefined || dryRun === '' ? {} : { dryRun: [dryRun] }),
    ...(force === undefined ? {} : { force: force === 'true' || force === '1' }),
    ...(fieldManager === undefined ? {} : { fieldManager }),
    ...(fieldValidation === undefined ? {} : { fieldValidation }),
  };
}
