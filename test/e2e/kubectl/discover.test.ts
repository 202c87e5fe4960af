import { beforeAll, describe, expect, inject, it } from 'vitest';
import { kubectlFor } from '../coracle.ts';
import { createKubectl, type Kubectl } from '../kubectl.ts';
import { useNamespace } from '../namespace.ts';

const namespace = 'kubectl-discover';
const kubectl = useNamespace(namespace);

describe('kubectl explain', () => {
  it('tells what a field is', async () => {
    const text = await kubectl`explain pod.spec.containers`;
    expect(text).toMatch(/^KIND: {7}Pod\nVERSION: {4}v1\n\nFIELD: containers <\[\]Container>( -required-)?\n/);
    expect(text).toMatch(/^ {2}image\t<string>$/m);
    expect(text).toMatch(/^ {2}name\t<string> -required-$/m);
    expect(text).toMatch(/^ {2}enum: Always, IfNotPresent, Never$|^ {2}imagePullPolicy\t<string>$/m);
  });

  it('says of every field what it means, once', async () => {
    for (const path of ['pod', 'pod.spec', 'pod.spec.containers', 'pod.spec.volumes', 'deployment.spec', 'deployment.spec.template', 'service', 'ingress.spec']) {
      expect(await kubectl`explain ${path}`, path).not.toContain('<no description>');
    }
    expect((await kubectl`explain pod.spec.affinity`).match(/Affinity is a group of affinity/g)).toHaveLength(1);
  });

  it('shows the whole tree with --recursive', async () => {
    const text = await kubectl`explain deployment --recursive`;
    expect(text).toMatch(/^GROUP: {6}apps$/m);
    expect(text).toMatch(/^ {4}template\t<PodTemplateSpec> -required-$/m);
    expect(text).toMatch(/^ {10}livenessProbe\t<Probe>$/m);
  });

  it('says so when there is no such field', async () => {
    expect(await kubectl.refused`explain pod.spec.nothing`).toContain('field "nothing" does not exist');
  });
});

describe('kubectl api-resources and api-versions', () => {
  it('lists kinds with their short names, groups and scope', async () => {
    const text = await kubectl`api-resources`;
    expect(text).toMatch(/^NAME\s+SHORTNAMES\s+APIVERSION\s+NAMESPACED\s+KIND$/m);
    expect(text).toMatch(/^pods\s+po\s+v1\s+true\s+Pod$/m);
    expect(text).toMatch(/^nodes\s+no\s+v1\s+false\s+Node$/m);
    expect(text).toMatch(/^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m);
    expect(await kubectl`api-resources --api-group=apps --namespaced -o name`).toContain('replicasets.apps\n');
    expect(await kubectl`api-resources --verbs=list,watch,patch -o name`).toContain('configmaps\n');
  });

  it('lists versions, and tells its own', async () => {
    expect(await kubectl`api-versions`).toMatch(/^apps\/v1$/m);
    expect(await kubectl`version`).toMatch(/^Server Version: v1\.36\./m);
  });
});

/** kubectl that holds nothing but a service account's token. */
async function kubectlAs(account: string): Promise<Kubectl> {
  const { dataDir } = inject('cluster');
  const admin = kubectlFor(dataDir).with({ namespace });
  const [token, server] = [await admin`create token ${account}`, await admin`config view -o ${'jsonpath={.clusters[0].cluster.server}'}`];
  const flags = ['--kubeconfig=/dev/null', `--server=${server}`, `--certificate-authority=${dataDir}/pki/cluster-ca.crt`, `--token=${token.trim()}`];
  return createKubectl({ flags, cacheDir: `${dataDir}/kubectl-cache-${account}` }, { namespace });
}

describe('kubectl auth', () => {
  let reader: Kubectl;

  beforeAll(async () => {
    await kubectl`create serviceaccount reader`;
    await kubectl`create role reader --verb=get,list --resource=pods`;
    await kubectl`create rolebinding reader --role=reader --serviceaccount=${namespace}:reader`;
    reader = await kubectlAs('reader');
  });

  it('can-i answers yes or no, by the exit code too', async () => {
    expect(await kubectl`auth can-i create deployments`).toBe('yes\n');
    expect(await reader`auth can-i list pods`).toBe('yes\n');
    expect(await reader.outcome`auth can-i create deployments`).toMatchObject({ code: 1, stdout: 'no\n' });
    expect(await reader.outcome`auth can-i list pods -n default`).toMatchObject({ code: 1, stdout: 'no\n' });
  });

  it('can-i --list shows what roles grant', async () => {
    expect(await reader`auth can-i --list`).toMatch(/^pods\s+\[\]\s+\[\]\s+\[get list\]$/m);
  });

  it('can-i --as asks for another', async () => {
    expect(await kubectl`auth can-i list pods --as=system:serviceaccount:${namespace}:reader`).toBe('yes\n');
    expect(await kubectl.outcome`auth can-i delete pods --as=system:serviceaccount:${namespace}:reader`).toMatchObject({ code: 1, stdout: 'no\n' });
  });

  it('whoami says who the server takes one for', async () => {
    expect(await reader`auth whoami`).toMatch(new RegExp(`^Username\\s+system:serviceaccount:${namespace}:reader$`, 'm'));
    expect(await kubectl`auth whoami -o ${'jsonpath={.status.userInfo.groups}'}`).toContain('system:masters');
  });

  it('is held to: what one may not is Forbidden, with the reason', async () => {
    expect(await reader`get pods -o name`).toBe('');
    expect(await reader.refused`create configmap mine --from-literal=a=1`).toContain(
      `configmaps is forbidden: User "system:serviceaccount:${namespace}:reader" cannot create resource "configmaps" in API group "" in the namespace "${namespace}"`);
  });
});
