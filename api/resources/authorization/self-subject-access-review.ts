import { SelfSubjectAccessReview } from '../../../machinery/kinds/cluster.ts';
import { defineResource } from '../define.ts';

/** Answered, never stored. Source: "SelfSubjectAccessReview", authorization.k8s.io/v1. */
export const selfSubjectAccessReview = defineResource(SelfSubjectAccessReview, { stored: false });
