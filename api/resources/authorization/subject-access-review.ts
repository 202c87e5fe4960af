import { SubjectAccessReview } from '../../../machinery/kinds/cluster.ts';
import { defineResource } from '../define.ts';

/** Answered, never stored. Source: "SubjectAccessReview", authorization.k8s.io/v1. */
export const subjectAccessReview = defineResource(SubjectAccessReview, { stored: false });
