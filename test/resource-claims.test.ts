import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResourceClaim } from '../machinery/kinds/dynamic-resources.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Who may write what of claims of devices, asked with a real kubectl. */

let test: TestServer;
const driver = ['--as=system:serviceaccount:default:driver', '--as-user-extra=authentication.kubernetes.io/node-name=n1'];
const claim = (name: string, exactly: object = {}) => ({ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name }, spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', ...exactly } }] } } });

beforeAll(async () => {
  test = await startTestServer();
  for (const name of ['plain', 'admins']) await test.kubectl('create', 'namespace', name);
  await test.kubectl('label', 'namespace', 'admins', 'resource.kubernetes.io/admin-access=true');
  await create('default', claim('c'));
});
afterAll(() => test.dispose());

async function create(namespace: string, object: object): Promise<string> {
  const { out, err } = await test.kubectlWith(JSON.stringify(object), 'create', '-n', namespace, '-f', '-');
  return `${out}${err}`.trim();
}

/** Lets the driver do one thing more. */
async function allow(role: string, verbs: string, resource: string, ...more: readonly string[]): Promise<void> {
  await test.kubectl('create', 'clusterrole', role, `--verb=${verbs}`, `--resource=${resource}`, ...more);
  await test.kubectl('create', 'clusterrolebinding', role, `--clusterrole=${role}`, '--serviceaccount=default:driver');
}

async function patchStatus(status: object, ...who: readonly string[]): Promise<string> {
  const { out, err } = await test.kubectl('patch', 'resourceclaim', 'c', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }), ...who);
  return `${out}${err}`.trim();
}

describe('devices for administration', () => {
  it('are for namespaces that are labelled for it', async () => {
    const template = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaimTemplate', metadata: { name: 't' }, spec: { spec: claim('', { adminAccess: true }).spec } };
    const why = 'is invalid: spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace';
    expect(await create('plain', claim('a', { adminAccess: true }))).toBe(`The ResourceClaim "a" ${why}`);
    expect(await create('plain', template)).toBe(`The ResourceClaimTemplate "t" ${why}`);
    expect(await create('admins', claim('a', { adminAccess: true }))).toBe('resourceclaim.resource.k8s.io/a created');
    expect(await create('admins', template)).toBe('resourceclaimtemplate.resource.k8s.io/t created');
  });
});

describe('the status of a claim', () => {
  const results = [{ request: 'r', driver: 'gpu.example.com', pool: 'p', device: 'd' }];
  const allocation = { devices: { results }, nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] } };
  const devices = [{ driver: 'gpu.example.com', pool: 'p', device: 'd', conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' }] }];

  it('is given devices by who may bind claims', async () => {
    await allow('status', 'get,patch,update', 'resourceclaims.resource.k8s.io,resourceclaims.resource.k8s.io/status');
    expect(await patchStatus({ allocation }, ...driver)).toContain('status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="patch" permission: '
      + 'resourceclaims.resource.k8s.io is forbidden: User "system:serviceaccount:default:driver" cannot patch resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope');
    expect(await patchStatus({ allocation }, '--as=system:kube-scheduler')).toBe('resourceclaim.resource.k8s.io/c patched');
  });

  it('is told of its devices by their driver on their node', async () => {
    expect(await patchStatus({ devices }, ...driver)).toContain('status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[associated-node:patch arbitrary-node:patch]" permission: '
      + 'resourceclaims.resource.k8s.io "gpu.example.com" is forbidden: User "system:serviceaccount:default:driver" cannot associated-node:patch resource "resourceclaims/driver" in API group "resource.k8s.io" in the namespace "default"');
    await allow('driver', 'associated-node:patch', 'resourceclaims.resource.k8s.io/driver', '--resource-name=gpu.example.com');
    expect(await patchStatus({ devices }, driver[0] ?? '')).toContain('verb="[arbitrary-node:patch]" permission: ');
    expect(await patchStatus({ devices }, ...driver)).toBe('resourceclaim.resource.k8s.io/c patched');
  });

  it('changes no labels, and forgets the devices that are given back', async () => {
    await test.kubectl('patch', 'resourceclaim', 'c', '--subresource=status', '--type=merge', '-p', '{"metadata":{"labels":{"a":"b"}},"status":{"allocation":null}}', '--as=system:kube-scheduler');
    const { metadata, status } = await test.client.get(ResourceClaim, { namespace: 'default', name: 'c' });
    expect([metadata?.labels, status]).toEqual([undefined, {}]);
  });

  it('is everybody’s to leave as it is', async () => {
    expect(await patchStatus({}, driver[0] ?? '')).toBe('resourceclaim.resource.k8s.io/c patched (no change)');
  });
});
