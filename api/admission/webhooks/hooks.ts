import type { MutatingWebhook, RuleWithOperations, ValidatingWebhook } from '../../../machinery/kinds/admission-registration.ts';
import type { Kind, KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { follow } from '../../access/follow.ts';
import type { Resource } from '../../resources/define.ts';
import type { Caches } from '../../store/cache.ts';
import type { Admitted } from '../admission.ts';
import { ruleMatches } from '../match/rules.ts';
import { selected, selectorsOf } from '../match/selectors.ts';
import type { VersionsOf } from '../match/versions.ts';
import { compileConditions, type Condition } from '../policy/expressions.ts';

/** The webhooks that are configured, current with the watch cache. */

export type Webhook = MutatingWebhook | ValidatingWebhook;

interface Configuration<W extends Webhook> extends KubernetesObject {
  readonly webhooks?: readonly W[];
}

/** One webhook of one configuration. */
export interface Hook<W extends Webhook> {
  readonly configuration: string;
  readonly webhook: W;
  readonly conditions: readonly Condition[];
  /** As which resource it wants to see the write; undefined: it isn't asked. Match conditions aside. */
  readonly matches: (write: Admitted, object: KubernetesObject | undefined) => Resource | undefined;
}

export interface HookIndex<W extends Webhook> {
  /** By the names of their configurations, then as these have them. */
  readonly hooks: readonly Hook<W>[];
  /** Resolves when what the caches held at the call counts. */
  caughtUp(): Promise<void>;
  close(): void;
}

/** Starts following; `close()` ends it. */
export function createHookIndex<W extends Webhook, C extends Configuration<W>>(caches: Caches, kind: Kind<C>, versionsOf: VersionsOf): HookIndex<W> {
  const configurations = new Map<string, readonly Hook<W>[]>();
  let all: readonly Hook<W>[] | undefined;
  const following = follow(caches, kind, {
    reset() {
      configurations.clear();
      all = undefined;
    },
    set({ name, object }) {
      configurations.set(name, (object.webhooks ?? []).map((webhook) => hookOf(name, webhook, versionsOf)));
      all = undefined;
    },
    remove({ name }) {
      configurations.delete(name);
      all = undefined;
    },
  });
  return {
    get hooks() {
      return (all ??= [...configurations].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, hooks]) => hooks));
    },
    caughtUp: () => following.caughtUp(),
    close: () => { following.close(); },
  };
}

function hookOf<W extends Webhook>(configuration: string, webhook: W, versionsOf: VersionsOf): Hook<W> {
  const selectors = selectorsOf(webhook);
  let conditions: readonly Condition[] | undefined;
  return {
    configuration, webhook,
    get conditions() {
      return (conditions ??= compileConditions(webhook.matchConditions, { authorizer: true }));
    },
    matches(write, object) {
      const as = seenAs(webhook.rules ?? [], webhook.matchPolicy ?? 'Equivalent', write, versionsOf);
      return as !== undefined && selected(selectors, write, object) ? as : undefined;
    },
  };
}

function seenAs(rules: readonly RuleWithOperations[], matchPolicy: string, write: Admitted, versionsOf: VersionsOf): Resource | undefined {
  const named = (resource: Resource): boolean => rules.some((rule) => ruleMatches(rule, write, resource));
  if (named(write.resource)) return write.resource;
  return matchPolicy === 'Exact' ? undefined : versionsOf(write.resource).find(named);
}
