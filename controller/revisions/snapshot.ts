import { isDeepStrictEqual } from 'node:util';
import type { ControllerRevision } from '../../machinery/kinds/apps.ts';
import type { PodTemplateSpec } from '../../machinery/kinds/core.ts';

/**
 * What a ControllerRevision holds: a strategic merge patch that puts one pod template in the place of a set's present one. kubectl
 * applies it as it is, to look back and to go back. Source: "ControllerRevision", apps/v1; `kubectl rollout undo`.
 */

export function snapshotOf(template: PodTemplateSpec | undefined): object {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

/** Does the revision hold this template? */
export function holds({ data }: ControllerRevision, template: PodTemplateSpec | undefined): boolean {
  // Through JSON, so that an absent field and an undefined one are the same.
  return isDeepStrictEqual(plain(data), plain(snapshotOf(template)));
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

/** The pod template in a revision. Throws when somebody wrote something else into it. */
export function templateOf({ data, metadata }: ControllerRevision): PodTemplateSpec {
  const spec: unknown = field(data, 'spec');
  const template = field(spec, 'template');
  if (!isTemplate(template)) {
    throw new Error(`controller revision ${metadata?.namespace}/${metadata?.name} holds no pod template: delete it, and the set goes on with its present template`);
  }
  const { $patch: _patch, ...rest } = template;
  return rest;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

/** What a template holds is checked by the API when a pod is made of it. */
function isTemplate(value: unknown): value is PodTemplateSpec & { readonly $patch?: unknown } {
  return Array.isArray(field(field(value, 'spec'), 'containers'));
}
