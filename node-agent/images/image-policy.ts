/** What the cluster's ImagePolicies demand of an image, and whether signatures meet it. Pure. */
import type { KeyObject } from 'node:crypto';
import type { ImagePolicy, ImageRule } from '../../machinery/kinds/image-policy.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { checkSignature, readPublicKey, type Signature } from './signatures.ts';

/** A rule that an image must meet, and what it is called in messages. */
export interface Demand {
  readonly rule: ImageRule;
  /** `rule 2 of ImagePolicy "production" (registry.example/**)`. */
  readonly name: string;
}

/** Of each policy the first rule that matches decides; all policies must agree. A policy without such a rule says nothing. */
export function demandsOn(policies: readonly ImagePolicy[], repository: string): readonly Demand[] {
  return policies.flatMap(({ metadata, spec }) => {
    const position = (spec?.rules ?? []).findIndex((rule) => matches(rule.image, repository));
    const rule = spec?.rules?.[position];
    return rule === undefined ? [] : [{ rule, name: `rule ${position + 1} of ImagePolicy "${metadata?.name ?? ''}" (${rule.image})` }];
  });
}

/** Whether a demand is met without any signature. */
export function allowsUnsigned({ rule }: Demand): boolean {
  return rule.allow === 'unsigned' && rule.publicKeys === undefined;
}

/** Why no signature meets the demand; undefined: one does. `digests` are the image's own, `repository` is where it is run from. */
export function refusalOf({ rule }: Demand, signatures: readonly Signature[], digests: readonly string[], repository: string): string | undefined {
  const keys = keysOf(rule);
  if (typeof keys === 'string') return keys;
  if (digests.length === 0) return 'the image has no digest that a signature could be of: it did not come from a registry';
  if (signatures.length === 0) return `no signature was found for ${digests.join(' or ')}`;
  const faults = new Set<string>();
  for (const signature of signatures) {
    for (const key of keys) {
      const signed = check(signature, key);
      const fault = typeof signed === 'string' ? signed
        : !signed.digests.some((each) => digests.includes(each)) ? `a signature is of ${signed.digests.slice(0, 3).join(', ')}`
          : nameFault(rule, signed.repository, repository);
      if (fault === undefined) return undefined;
      faults.add(fault);
    }
  }
  return [...faults].join('; ');
}

/** A signature without a name is for the image wherever that is, but does not meet a rule that asks for a name. */
function nameFault({ signedAs }: ImageRule, signedFor: string | undefined, repository: string): string | undefined {
  if (signedFor === undefined) return signedAs === undefined || matches(signedAs, '') ? undefined : `a signature names no repository, and the rule asks for ${signedAs}`;
  return matches(signedAs ?? repository, signedFor) ? undefined : `a signature is for ${signedFor}`;
}

function check(signature: Signature, key: KeyObject): ReturnType<typeof checkSignature> {
  try {
    return checkSignature(signature, key);
  } catch (error) {
    return messageOf(error);
  }
}

function keysOf({ publicKeys = [] }: ImageRule): readonly KeyObject[] | string {
  if (publicKeys.length === 0) return 'the rule has no public keys';
  const keys: KeyObject[] = [];
  for (const [position, pem] of publicKeys.entries()) {
    try {
      keys.push(readPublicKey(pem));
    } catch (error) {
      return `key ${position + 1} of the rule can't be used: ${messageOf(error)}`;
    }
  }
  return keys;
}

function matches(pattern: string, repository: string): boolean {
  const parts = pattern.split('**').map((part) => part.split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('[^/]*'));
  // Names of hosts have no case.
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(repository);
}
