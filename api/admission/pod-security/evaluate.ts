import { baseline } from './baseline.ts';
import type { Check, Rule, Subject, Violation } from './check.ts';
import type { Demand } from './policy.ts';
import { restricted } from './restricted.ts';

/** What of a pod is against what is demanded, in the order in which Kubernetes tells it. */
export function violations({ level, minor }: Demand, subject: Subject): readonly Violation[] {
  if (level === 'privileged') return [];
  return rulesOf(level, minor).flatMap((rule) => {
    const found = rule(subject);
    return found === undefined ? [] : [found];
  });
}

function rulesOf(level: 'baseline' | 'restricted', minor: number): readonly Rule[] {
  const stricter = level === 'baseline' ? [] : restricted.filter((check) => ruleAt(check, minor) !== undefined);
  const overridden = new Set(stricter.map(({ overrides }) => overrides));
  return [...baseline.filter(({ id }) => !overridden.has(id)), ...stricter].flatMap((check) => ruleAt(check, minor) ?? []);
}

function ruleAt({ versions }: Check, minor: number): Rule | undefined {
  return versions.findLast(({ since }) => since <= minor)?.rule;
}

/** `host namespaces (hostNetwork=true), privileged (container "c" must not …)`. */
export function violationsText(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}
