import type { V1CronJob, V1Job, V1JobCondition, V1JobSpec } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

export type Job = Wire<V1Job>;
export const Job = defineKind<Job>('batch', 'v1', 'Job', 'jobs');
export type CronJob = Wire<V1CronJob>;
export const CronJob = defineKind<CronJob>('batch', 'v1', 'CronJob', 'cronjobs');

export type JobCondition = Wire<V1JobCondition>;
export type JobSpec = Wire<V1JobSpec>;
