import type { MatchResources } from '../../../machinery/kinds/admission-registration.ts';
import type { Kind, KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { follow } from '../../access/follow.ts';
import type { Caches } from '../../store/cache.ts';
import { matcherOf, type Matcher } from '../match/match-resources.ts';
import type { VersionsOf } from '../match/versions.ts';

/** The policies that are bound, with their programs, current with the watch cache. */

interface Policy extends KubernetesObject {
  readonly spec?: { readonly matchConstraints?: MatchResources };
}

interface Binding extends KubernetesObject {
  readonly spec?: { readonly policyName?: string; readonly matchResources?: MatchResources };
}

export interface BoundPolicy<P extends Policy, B extends Binding, C> {
  readonly name: string;
  readonly policy: P;
  readonly matches: Matcher;
  /** Compiled when it is first asked for. */
  readonly program: C;
  /** By name. */
  readonly bindings: readonly { readonly name: string; readonly binding: B; readonly matches: Matcher }[];
}

export interface PolicyIndex<P extends Policy, B extends Binding, C> {
  /** By name; policies without a binding are left out. */
  readonly bound: readonly BoundPolicy<P, B, C>[];
  /** Resolves when what the caches held at the call counts. */
  caughtUp(): Promise<void>;
  close(): void;
}

export interface PolicyIndexOptions<P extends Policy, B extends Binding, C> {
  readonly caches: Caches;
  readonly policies: Kind<P>;
  readonly bindings: Kind<B>;
  readonly compile: (policy: P) => C;
  readonly versionsOf: VersionsOf;
}

/** Starts following; `close()` ends it. Programs last as long as their policy's uid and generation. */
export function createPolicyIndex<P extends Policy, B extends Binding, C>(options: PolicyIndexOptions<P, B, C>): PolicyIndex<P, B, C> {
  const policies = new Map<string, Omit<BoundPolicy<P, B, C>, 'bindings'>>();
  const bindings = new Map<string, B>();
  let bound: readonly BoundPolicy<P, B, C>[] | undefined;
  const changed = (): void => { bound = undefined; };
  const follows = [
    follow(options.caches, options.policies, {
      reset() {
        policies.clear();
        changed();
      },
      set({ name, object }) {
        const known = policies.get(name);
        if (known !== undefined && sameSpec(known.policy, object)) return;
        policies.set(name, policyOf(name, object, options));
        changed();
      },
      remove({ name }) {
        policies.delete(name);
        changed();
      },
    }),
    follow(options.caches, options.bindings, {
      reset() {
        bindings.clear();
        changed();
      },
      set({ name, object }) {
        bindings.set(name, object);
        changed();
      },
      remove({ name }) {
        bindings.delete(name);
        changed();
      },
    }),
  ];
  return {
    get bound() {
      return (bound ??= bind(policies, bindings, options.versionsOf));
    },
    caughtUp: async () => void (await Promise.all(follows.map((one) => one.caughtUp()))),
    close() {
      for (const one of follows) one.close();
    },
  };
}

function sameSpec({ metadata: a }: KubernetesObject, { metadata: b }: KubernetesObject): boolean {
  return a?.uid === b?.uid && a?.generation !== undefined && a.generation === b?.generation;
}

function policyOf<P extends Policy, B extends Binding, C>(name: string, policy: P, { compile, versionsOf }: PolicyIndexOptions<P, B, C>): Omit<BoundPolicy<P, B, C>, 'bindings'> {
  let program: C | undefined;
  return {
    name, policy,
    matches: matcherOf(policy.spec?.matchConstraints, versionsOf),
    get program() {
      return (program ??= compile(policy));
    },
  };
}

function bind<P extends Policy, B extends Binding, C>(
  policies: ReadonlyMap<string, Omit<BoundPolicy<P, B, C>, 'bindings'>>, bindings: ReadonlyMap<string, B>, versionsOf: VersionsOf,
): readonly BoundPolicy<P, B, C>[] {
  const byPolicy = Map.groupBy([...bindings].toSorted(byName), ([, binding]) => binding.spec?.policyName ?? '');
  return [...policies].toSorted(byName).flatMap(([name, policy]) => {
    const own = byPolicy.get(name) ?? [];
    if (own.length === 0) return [];
    return [{
      name, policy: policy.policy, matches: policy.matches,
      get program() { return policy.program; },
      bindings: own.map(([bindingName, binding]) => ({ name: bindingName, binding, matches: matcherOf(binding.spec?.matchResources, versionsOf) })),
    }];
  });
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
