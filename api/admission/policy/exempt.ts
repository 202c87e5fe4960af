import type { Resource } from '../../resources/define.ts';

/** What admission itself is configured with: a mistake in it must be mendable. Source: "Dynamic admission control", availability. */
export function configuresAdmission({ group, plural }: Resource): boolean {
  return group === 'admissionregistration.k8s.io' && !plural.endsWith('params');
}

const reviews: ReadonlySet<string> = new Set([
  'authentication.k8s.io/tokenreviews', 'authentication.k8s.io/selfsubjectreviews', 'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews', 'authorization.k8s.io/selfsubjectrulesreviews', 'authorization.k8s.io/subjectaccessreviews',
]);

/** Policies are not asked about questions of who may do what. */
export function isReview({ group, plural }: Resource): boolean {
  return reviews.has(`${group}/${plural}`);
}
