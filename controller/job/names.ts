/**
 * What a Job writes on its pods. This folder runs Jobs: pods up to their completions, each counted exactly once, and what
 * cleans up after them. Source: "Jobs"; "Well-Known Labels, Annotations and Taints".
 */

/** Holds an ended pod until it is counted. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
/** Label and annotation alike. */
export const completionIndex = 'batch.kubernetes.io/job-completion-index';
/** How often pods of this index have failed before this one. */
export const indexFailureCount = 'batch.kubernetes.io/job-index-failure-count';
/** ... and those that the failure policy ignored. */
export const indexIgnoredFailureCount = 'batch.kubernetes.io/job-index-ignored-failure-count';
/** The Job's own word for `spec.managedBy`. */
export const ownManager = 'kubernetes.io/job-controller';
