import { TokenReview } from '../../../machinery/kinds/cluster.ts';
import { defineResource } from '../define.ts';

/** Answered, never stored. Source: "TokenReview", authentication.k8s.io/v1. */
export const tokenReview = defineResource(TokenReview, { stored: false });
