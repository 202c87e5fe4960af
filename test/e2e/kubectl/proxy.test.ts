import { beforeAll, describe, expect, it } from 'vitest';
import { pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-proxy');
const home = '/api/v1/namespaces/kubectl-proxy';

beforeAll(async () => {
  const ports = [{ name: 'http', containerPort: 8080 }];
  await kubectl.apply(
    pod('web', { labels: { app: 'web' }, container: { ports } }),
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ name: 'main', port: 80, targetPort: 'http' }] } },
  );
  await kubectl`wait pod/web --for=condition=Ready --timeout=30s`;
});

describe('what is asked below proxy', () => {
  it.each([['pods/web'], ['pods/web:8080'], ['pods/http:web:8080'], ['services/web'], ['services/web:main'], ['services/http:web:80']])('reaches %s', async (what) => {
    expect(await kubectl`get --raw ${`${home}/${what}/proxy/cgi-bin/hello`}`).toBe('Hello from web\n');
  });

  it("reaches a node's agent", async () => {
    const node = await kubectl`get pod web -o jsonpath={.spec.nodeName}`;
    expect(await kubectl`get --raw ${`/api/v1/nodes/${node}/proxy/healthz`}`).toBe('ok');
  });

  it('says what it cannot reach', async () => {
    expect(await kubectl.refused`get --raw ${`${home}/pods/web:81/proxy/`}`).toContain('error trying to reach service: ');
    expect(await kubectl.refused`get --raw ${`${home}/services/web:other/proxy/`}`).toContain('no service port "other" found for service "web"');
    expect(await kubectl.refused`get --raw ${`${home}/pods/none/proxy/`}`).toContain('pods "none" not found');
  });

  it('is for those who may', async () => {
    expect(await kubectl.refused`get --raw ${`${home}/pods/web/proxy/`} --as=nobody`).toContain('cannot get resource "pods/proxy"');
  });

  it('is there for any client behind kubectl proxy', async () => {
    await using proxy = kubectl.start`proxy --port=0`;
    const [, address = ''] = await proxy.until(/Starting to serve on (\S+)/);
    const below = `http://${address}${home}/services/web/proxy`;
    expect(await (await fetch(`${below}/cgi-bin/hello`)).text()).toBe('Hello from web\n');
    // It is the pod that agrees on methods and media types.
    const answers = await Promise.all(['GET', 'POST', 'PATCH'].map((method) => fetch(`${below}/cgi-bin/hello`, { method, headers: { accept: 'image/png' }, ...(method === 'GET' ? {} : { body: 'a=b' }) })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await fetch(below, { redirect: 'manual' })).headers.get('location')).toBe(`${home}/services/web/proxy/`);
  });
});
