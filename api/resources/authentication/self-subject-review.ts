import { SelfSubjectReview } from '../../../machinery/kinds/cluster.ts';
import { defineResource } from '../define.ts';

/** Answered, never stored. Source: "SelfSubjectReview", authentication.k8s.io/v1. */
export const selfSubjectReview = defineResource(SelfSubjectReview, { stored: false });
