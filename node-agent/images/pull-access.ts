/**
 * Whose credentials have been verified to pull an image: one that was pulled with credentials is only for pods that have such,
 * though it lies on the node for all. Pure. Behaviour: KEP-2535, "Ensure secret pulled images", under its default policy
 * NeverVerifyPreloadedImages.
 */
import { createHash } from 'node:crypto';
import type { Credentials } from './registry.ts';

/** The Secret that credentials come from. */
export interface CredentialSource {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** A Secret whose credentials a registry has accepted. */
export interface VerifiedSecret extends CredentialSource {
  /** Of the credentials themselves, which are not kept. */
  readonly hash: string;
}

/** Who may use what is here under the names of one repository. */
export interface VerifiedAccess {
  /** The registry asked for no credentials, or it was taken in without a pod. */
  readonly anyone: boolean;
  readonly secrets: readonly VerifiedSecret[];
}

/** By repository: `registry.example/team/app`. */
export type VerifiedPulls = Readonly<Record<string, VerifiedAccess>>;

/** Credentials of a pod, and where they come from. */
export interface PodCredentials extends Credentials {
  readonly source: CredentialSource;
}

export function credentialHash({ username, password }: Credentials): string {
  return createHash('sha256').update(JSON.stringify([username, password])).digest('hex');
}

/** Whether a pod may use the image by a name of this repository, whoever it is. By an id alone: when no repository wants credentials. */
export function isOpen(pulls: VerifiedPulls | undefined, repository: string): boolean {
  return pulls?.[repository]?.anyone ?? Object.values(pulls ?? {}).every(({ anyone }) => anyone);
}

/** Whether the pod has credentials with which the image has been pulled. The same ones may lie in another Secret. */
export function isVerified(pulls: VerifiedPulls | undefined, repository: string, credentials: readonly PodCredentials[]): boolean {
  if (isOpen(pulls, repository)) return true;
  const hashes = new Set(credentials.map(credentialHash));
  return pulls?.[repository]?.secrets.some(({ hash }) => hashes.has(hash)) === true;
}

/** Remembers that a pull succeeded; `by` undefined: without credentials. A Secret counts with its latest credentials only. */
export function withVerified(pulls: VerifiedPulls | undefined, repository: string, by: PodCredentials | undefined): VerifiedPulls {
  const { anyone, secrets } = pulls?.[repository] ?? { anyone: false, secrets: [] };
  if (by === undefined) return { ...pulls, [repository]: { anyone: true, secrets } };
  const { namespace, name, uid } = by.source;
  const others = secrets.filter((each) => each.namespace !== namespace || each.name !== name || each.uid !== uid);
  return { ...pulls, [repository]: { anyone, secrets: [...others, { namespace, name, uid, hash: credentialHash(by) }].slice(-mostSecrets) } };
}

/** Remembers that the image was taken in without a pod under names of these repositories. Where pods have pulled it before, their credentials still decide. */
export function withPreloaded(pulls: VerifiedPulls | undefined, repositories: readonly string[]): VerifiedPulls {
  return { ...Object.fromEntries(repositories.map((repository): [string, VerifiedAccess] => [repository, { anyone: true, secrets: [] }])), ...pulls };
}

/** Of one repository: whoever was forgotten is verified again by pulling. */
const mostSecrets = 100;
