import { RuntimeError, type Sandbox, type SandboxSpec } from './runtime.ts';
import type { SandboxHandle } from './sandbox.ts';
import { translated } from './translate.ts';

export interface SilentFacts {
  readonly spec: SandboxSpec;
  readonly cgroup: string;
  readonly address: string | undefined;
  /** Ends the sandbox and all it has. */
  end(): Promise<void>;
  /** Stops asking. */
  release(): void;
}

const refuse = (): Promise<never> => Promise.reject(new RuntimeError('Unavailable', 'the pod\'s supervisor does not answer'));

/** A sandbox whose supervisor does not answer: what runs in it goes on and is not known here. It can be destroyed, as that needs no answer. */
export function createSilentHandle({ spec, cgroup, address, end, release }: SilentFacts): SandboxHandle {
  let destroyed: Promise<void> | undefined;
  const destroy = (): Promise<void> => {
    destroyed ??= end().catch((error: unknown) => {
      destroyed = undefined;
      throw error;
    });
    return destroyed;
  };
  const sandbox: Sandbox = {
    uid: spec.uid, spec, address, refusal: undefined, recursiveReadOnly: false, answers: false, running: new Map(), exits: new Map(),
    start: refuse, signal: refuse, resize: refuse, exec: refuse, attach: refuse, remove: refuse, dial: refuse, destroy: () => translated(destroy),
  };
  return { cgroup, sandbox, events: { exited: () => undefined, lost: () => undefined }, cgroupOf: () => undefined, release };
}
