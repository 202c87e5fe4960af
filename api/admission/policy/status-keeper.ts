import { ValidatingAdmissionPolicy } from '../../../machinery/kinds/admission-registration.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { isReason } from '../../../machinery/status.ts';
import { follow } from '../../access/follow.ts';
import { trackUpdate, writeAs } from '../../field-management/track.ts';
import { changeObject, type Outcome, type Writer } from '../../handlers/writer.ts';
import { validatingAdmissionPolicy } from '../../resources/admissionregistration/validating-admission-policy.ts';
import type { Resource } from '../../resources/define.ts';
import { typeWarnings } from './type-checking.ts';

export interface StatusKeeperDependencies {
  readonly writer: Writer;
  /** What is served. */
  readonly resources: () => readonly Resource[];
  /** What could not be done, and for which policy: the log's. */
  readonly report: (error: unknown, name: string) => void;
}

/** Writes into each policy's status what checking its types found. Starts; `close()` ends it and resolves when the write at hand is done. */
export function keepPolicyStatus({ writer, resources, report }: StatusKeeperDependencies): { close(): Promise<void> } {
  const stale = new Set<string>();
  let busy = false;
  let working: Promise<void> = Promise.resolve();
  const settle = async (): Promise<void> => {
    for (const name of stale) {
      stale.delete(name);
      try {
        await observe(writer, name, resources());
      } catch (error) {
        if (!isReason(error, 'NotFound')) report(error, name);
      }
    }
    busy = false;
  };
  const following = follow(writer.caches, ValidatingAdmissionPolicy, {
    reset: () => { stale.clear(); },
    set({ name, object }) {
      if (object.status?.observedGeneration === object.metadata?.generation) return;
      stale.add(name);
      if (busy) return;
      busy = true;
      working = settle();
    },
    remove: ({ name }) => { stale.delete(name); },
  });
  return {
    async close() {
      following.close();
      stale.clear();
      await working;
    },
  };
}

async function observe(writer: Writer, name: string, resources: readonly Resource[]): Promise<void> {
  await changeObject(writer, validatingAdmissionPolicy, '', name, false, ({ object }): Outcome => {
    const policy = object as ValidatingAdmissionPolicy;
    const generation = policy.metadata?.generation;
    if (generation === undefined || policy.status?.observedGeneration === generation) return { type: 'keep' };
    const expressionWarnings = typeWarnings(policy.spec ?? {}, resources);
    const draft = structuredClone(policy) as Draft<ValidatingAdmissionPolicy>;
    draft.status = { ...draft.status, observedGeneration: generation, typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings: [...expressionWarnings] } };
    trackUpdate(writeAs('kube-controller-manager', writer, validatingAdmissionPolicy, 'status'), draft, policy);
    return { type: 'put', object: draft };
  });
}
