import { Path, invalid, type FieldError } from '../../../machinery/field-path.ts';

/** How strict a namespace is about its pods, as its labels say. Source: "Pod security admission"; wording: the PodSecurity plug-in of kube-apiserver. */

export const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];

export interface Demand {
  readonly level: Level;
  /** The minor version whose standards hold (35 of `v1.35`); Infinity: the latest. */
  readonly minor: number;
}

export const modes = ['enforce', 'audit', 'warn'] as const;
export type Policy = Readonly<Record<(typeof modes)[number], Demand>>;

const prefix = 'pod-security.kubernetes.io/';
const anything: Demand = { level: 'privileged', minor: Infinity };
const versionPattern = /^v1\.(0|[1-9]\d{0,8})$/;

/** `restricted:v1.35`. */
export function demandText({ level, minor }: Demand): string {
  return `${level}:${minor === Infinity ? 'latest' : `v1.${minor}`}`;
}

export function isStricter(a: Level, b: Level): boolean {
  return levels.indexOf(a) > levels.indexOf(b);
}

/** The policy that labels ask for, and what is wrong with them. Wrong levels count as strictest where they refuse, and as none where they only tell. */
export function policyOf(labels: Readonly<Record<string, string>> = {}): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const fault = (label: string, detail: string) => errors.push(invalid(new Path('metadata.labels').key(label), labels[label], detail));
  const read = (mode: (typeof modes)[number], onFault: Level): Demand => {
    const [levelLabel, versionLabel] = [`${prefix}${mode}`, `${prefix}${mode}-version`];
    const [level, version] = [labels[levelLabel], labels[versionLabel]];
    const known = levels.find((one) => one === level);
    if (level !== undefined && known === undefined) fault(levelLabel, `must be one of ${levels.join(', ')}`);
    const minor = version === undefined || version === 'latest' ? Infinity : Number(versionPattern.exec(version)?.[1] ?? Number.NaN);
    if (Number.isNaN(minor)) fault(versionLabel, 'must be "latest" or "v1.x"');
    return { level: known ?? (level === undefined ? anything.level : onFault), minor: Number.isNaN(minor) ? Infinity : minor };
  };
  const enforce = read('enforce', 'restricted');
  const audit = read('audit', 'privileged');
  const warn = read('warn', 'privileged');
  // What is refused is warned of, too: templates of such pods are let in.
  const isEnforced = levels.some((one) => one === labels[`${prefix}enforce`]);
  if (labels[`${prefix}warn`] !== undefined || !isEnforced || !isStricter(enforce.level, warn.level)) return { policy: { enforce, audit, warn }, errors };
  return { policy: { enforce, audit, warn: { level: enforce.level, minor: labels[`${prefix}warn-version`] === undefined ? enforce.minor : warn.minor } }, errors };
}
