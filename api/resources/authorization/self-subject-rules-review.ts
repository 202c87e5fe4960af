import { SelfSubjectRulesReview } from '../../../machinery/kinds/cluster.ts';
import { defineResource } from '../define.ts';

/** Answered, never stored. Source: "SelfSubjectRulesReview", authorization.k8s.io/v1. */
export const selfSubjectRulesReview = defineResource(SelfSubjectRulesReview, { stored: false });
