import { LocalSubjectAccessReview } from '../../../machinery/kinds/cluster.ts';
import { defineResource } from '../define.ts';

/** Answered, never stored. Source: "LocalSubjectAccessReview", authorization.k8s.io/v1. */
export const localSubjectAccessReview = defineResource(LocalSubjectAccessReview, { stored: false });
