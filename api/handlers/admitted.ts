import { createAdmission, type Admitted } from '../admission/admission.ts';
import type { Call } from '../request.ts';
import { defineKind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { defineResource, type Resource } from '../resources/define.ts';
import { isDryRun, type Writer } from './writer.ts';

const optionKinds = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: undefined } as const;

/** What admission sees of a call beside the object. `change`: what is another than the call says. Throws 400. */
export function admitted(
  { caches }: Pick<Writer, 'caches'>, { resource, info, user, query, patchType, origin, warn, signal }: Call,
  change: Pick<Admitted, 'operation' | 'name' | 'old'> & Partial<Admitted>,
): Admitted {
  return {
    resource, subresource: info.subresource, namespace: info.namespace, user, caches, warn, signal,
    dryRun: isDryRun(query),
    options: optionsOf(patchType === undefined || change.operation === 'CONNECT' ? optionKinds[change.operation] : 'PatchOptions', query),
    annotate: (key, value) => { origin?.annotations.set(key, value); },
    ...change,
  };
}

/** Has an object judged that is sent to a subresource and is not the resource's own. The draft may change. Throws `ApiError`. */
export async function admitThrough(
  writer: Pick<Writer, 'caches' | 'admission'>, call: Call, draft: Draft<KubernetesObject>,
  change: { readonly operation: 'CREATE' | 'UPDATE' | 'CONNECT'; readonly subresource: string; readonly written: Resource; readonly old?: KubernetesObject },
): Promise<void> {
  const write = admitted(writer, call, { old: undefined, ...change, name: call.info.name });
  // There is nothing to change about a connection.
  if (change.operation !== 'CONNECT') await writer.admission.mutate(write, draft);
  await writer.admission.validate(write, draft);
}

/** For what a write stands for that was judged itself, and isn't judged again, as in Kubernetes. */
export const judgedAlready = createAdmission([]);

const connections: Readonly<Record<string, string>> = {
  'pods/exec': 'PodExecOptions', 'pods/attach': 'PodAttachOptions', 'pods/portforward': 'PodPortForwardOptions',
  'pods/proxy': 'PodProxyOptions', 'services/proxy': 'ServiceProxyOptions', 'nodes/proxy': 'NodeProxyOptions',
};
const connectionOptions: Readonly<Record<string, Resource>> = Object.fromEntries(Object.entries(connections).map(([name, kind]) =>
  [name, defineResource(defineKind<KubernetesObject>('', 'v1', kind, kind.toLowerCase()), { stored: false })]));

/** Has a connection judged, as the options that its query stands for, before it is looked for where it leads. Source: "Matching requests", CONNECT. */
export async function admitConnection(writer: Pick<Writer, 'caches' | 'admission'>, call: Call, options: object): Promise<void> {
  const { subresource } = call.info;
  const written = connectionOptions[`${call.resource.plural}/${subresource}`];
  if (written === undefined) throw new Error(`no kind of options is known for ${subresource}`);
  await admitThrough(writer, call, { kind: written.kind, apiVersion: 'v1', ...options }, { operation: 'CONNECT', subresource, written });
}

function optionsOf(kind: string | undefined, { dryRun, fieldManager, fieldValidation, force }: Call['query']): Readonly<Record<string, unknown>> | undefined {
  if (kind === undefined) return undefined;
  return {
    kind, apiVersion: 'meta.k8s.io/v1',
    ...(dryRun === undefined || dryRun === '' ? {} : { dryRun: [dryRun] }),
    ...(force === undefined ? {} : { force: force === 'true' || force === '1' }),
    ...(fieldManager === undefined ? {} : { fieldManager }),
    ...(fieldValidation === undefined ? {} : { fieldValidation }),
  };
}
