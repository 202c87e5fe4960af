import { describe, expect, it } from 'vitest';
import type { PodSpec } from '../kinds/core.ts';
import { qosClass, type QosClass } from './qos.ts';

const both = { cpu: '1', memory: '1Gi' };

describe('quality of service', () => {
  it.each<[string, PodSpec, QosClass]>([
    ['nothing asked', { containers: [{ name: 'a' }] }, 'BestEffort'],
    ['only zeros asked', { containers: [{ name: 'a', resources: { requests: { cpu: '0' } } }] }, 'BestEffort'],
    ['other resources than cpu and memory', { containers: [{ name: 'a', resources: { requests: { 'ephemeral-storage': '1Gi' } } }] }, 'BestEffort'],
    ['requests equal to limits everywhere', { containers: [{ name: 'a', resources: { requests: both, limits: both } }] }, 'Guaranteed'],
    ['the same amounts, written differently', { containers: [{ name: 'a', resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: both } }] }, 'Guaranteed'],
    ['requests below limits', { containers: [{ name: 'a', resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: both } }] }, 'Burstable'],
    ['a limit on one of the two', { containers: [{ name: 'a', resources: { requests: { cpu: '1' }, limits: { cpu: '1' } } }] }, 'Burstable'],
    ['one container without limits', { containers: [{ name: 'a', resources: { requests: both, limits: both } }, { name: 'b' }] }, 'Burstable'],
    ['an init container without limits', { initContainers: [{ name: 'i' }], containers: [{ name: 'a', resources: { requests: both, limits: both } }] }, 'Burstable'],
    ['resources of the whole pod', { containers: [{ name: 'a' }], resources: { requests: both, limits: both } }, 'Guaranteed'],
  ])('%s: %#', (_name, spec, expected) => {
    expect(qosClass(spec)).toBe(expected);
  });
});
