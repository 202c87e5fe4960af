import { describe, expect, it } from 'vitest';
import type { FieldError } from '../../../../machinery/field-path.ts';
import type { Container, ContainerStatus, Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import { pod as resource } from '../pod.ts';
import { validateEphemeralUpdate } from './ephemeral.ts';
import { validateResize } from './resize.ts';
import { validatePodStatusUpdate, validatePodUpdate } from './update.ts';

const before: PodSpec = { containers: [{ name: 'a', image: 'x:1' }], terminationGracePeriodSeconds: 30, tolerations: [{ key: 'k', operator: 'Exists' }] };
const rest = 'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const wrong = (spec: PodSpec, old: PodSpec = before): string[] => validatePodUpdate({ spec }, { spec: old }).map((error) => `${error.path.toString()}: ${error.body}`);

describe('an update of a pod', () => {
  it.each<[string, PodSpec, PodSpec?]>([
    ['nothing', before], ['an image', { ...before, containers: [{ name: 'a', image: 'x:2' }] }],
    ['a toleration more', { ...before, tolerations: [...(before.tolerations ?? []), { operator: 'Exists' }] }],
    ['a deadline', { ...before, activeDeadlineSeconds: 5 }],
    ['absent lists written as empty ones', { ...before, volumes: [], containers: [{ name: 'a', image: 'x:1', env: [] }] }],
    ['a negative grace period made one second', { ...before, terminationGracePeriodSeconds: 1 }, { ...before, terminationGracePeriodSeconds: -1 }],
    ['a gate less', { ...before, schedulingGates: [] }, { ...before, schedulingGates: [{ name: 'g' }] }],
    ['a narrower node selector while gated', { ...before, schedulingGates: [{ name: 'g' }], nodeSelector: { a: 'b' } }, { ...before, schedulingGates: [{ name: 'g' }] }],
  ])('may change %s', (_name, spec, old) => {
    expect(wrong(spec, old)).toEqual([]);
  });

  it.each<[string, PodSpec, string[]]>([
    ['a command', { ...before, containers: [{ name: 'a', image: 'x:1', command: ['y'] }] }, [rest]],
    ['its node', { ...before, nodeName: 'n' }, [rest]],
    ['its node selector', { ...before, nodeSelector: { a: 'b' } }, [rest]],
    ['the number of containers', { ...before, containers: [] }, ['spec.containers: Forbidden: pod updates may not add or remove containers']],
    ['a toleration', { ...before, tolerations: [] }, ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds']],
    ['a gate', { ...before, schedulingGates: [{ name: 'g' }] }, [`spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'`]],
  ])('may not change %s', (_name, spec, messages) => {
    expect(wrong(spec)).toEqual(messages);
  });

  it('may only shorten a deadline', () => {
    expect(wrong({ ...before, activeDeadlineSeconds: 9 }, { ...before, activeDeadlineSeconds: 5 })).toEqual(['spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value']);
    expect(wrong(before, { ...before, activeDeadlineSeconds: 5 })).toEqual(['spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value']);
  });
});

describe('a mirror pod', () => {
  const key = 'kubernetes.io/config.mirror';
  const shown = (hash?: string, spec: Partial<PodSpec> = {}): Pod => ({ metadata: { annotations: hash === undefined ? {} : { [key]: hash } }, spec: { ...before, ...spec } });
  const said = (errors: readonly FieldError[]) => errors.map((error) => `${error.path.toString()}: ${error.body}`);

  it.each<[string, Pod, Pod, string[]]>([
    ['stays one', shown('a'), shown('a'), []],
    ['is not made of another pod', shown('a'), shown(), [`metadata.annotations[${key}]: Forbidden: may not add mirror pod annotation`]],
    ['does not become another pod', shown(), shown('a'), [`metadata.annotations[${key}]: Forbidden: may not remove or update mirror pod annotation`]],
    ['shows the same pod for ever', shown('b'), shown('a'), [`metadata.annotations[${key}]: Forbidden: may not remove or update mirror pod annotation`]],
  ])('%s', (_name, now, old, messages) => {
    expect(said(validatePodUpdate(now, old))).toEqual(messages);
    expect(said(validatePodStatusUpdate(now, old))).toEqual(messages);
  });

  it('is a node\'s', () => {
    const wrongNodes = (nodeName: string) => said(resource.validate?.(shown('a', { nodeName })) ?? []).filter((text) => text.includes('mirror'));
    expect(wrongNodes('')).toEqual([`metadata.annotations[${key}]: Required value: must set spec.nodeName if mirror pod annotation is set`]);
    expect(wrongNodes('n')).toEqual([]);
  });

  it('takes no containers that look into it, and no other sizes: its node would not know', () => {
    expect(validateEphemeralUpdate(shown('a'), shown('a')).map(({ body }) => body)).toEqual(['Forbidden: static pods do not support ephemeral containers']);
    expect(validateResize(shown('a'), shown('a')).map(({ body }) => body)).toEqual(['Forbidden: static pods cannot be resized']);
  });
});

function pod(restartPolicy: string, containerStatuses: readonly ContainerStatus[], qosClass = 'BestEffort'): Pod {
  return { spec: { containers: [], restartPolicy }, status: { qosClass, containerStatuses } };
}

describe('a status', () => {
  const ended = { name: 'a', image: 'x', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 0 } } };
  const alive = { ...ended, state: { running: {} } };

  it('cannot bring an ended container back to life unless it restarts', () => {
    expect(validatePodStatusUpdate(pod('Never', [alive]), pod('Never', [ended])).map((error) => error.path.toString())).toEqual(['status.containerStatuses[0].state']);
    expect(validatePodStatusUpdate(pod('Always', [alive]), pod('Always', [ended]))).toEqual([]);
  });

  it.each<[string, boolean, Partial<Container>, Partial<PodSpec>]>([
    ['a rule for its exit code', true, { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }, {}],
    ['a rule for all other exit codes', false, { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [42] } }] }, {}],
    ['a policy of its own', true, { restartPolicy: 'OnFailure' }, {}],
    ['a policy of its own against the pod\'s', false, { restartPolicy: 'Never' }, { restartPolicy: 'OnFailure' }],
    ['no policy but the pod\'s', true, {}, { restartPolicy: 'OnFailure' }],
    ['another container\'s rule for all', true, {}, { initContainers: [{ name: 's', image: 'x', restartPolicy: 'Always', restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [1] } }] }] }],
  ])('lets an ended container begin anew by %s: %s', (_name, allowed, container, spec) => {
    const of = (state: NonNullable<ContainerStatus['state']>): Pod => ({
      spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'x', ...container }], ...spec }, status: { qosClass: 'BestEffort', containerStatuses: [{ ...ended, state }] },
    });
    expect(validatePodStatusUpdate(of({ waiting: {} }), of({ terminated: { exitCode: 42 } })).length === 0).toBe(allowed);
  });

  it('keeps the quality of service', () => {
    expect(validatePodStatusUpdate(pod('Always', []), pod('Always', [], 'Burstable'))).toHaveLength(1);
  });
});
