import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

/** Kinds of workloads, volumes, quotas and networking as kubectl's users meet them. No controllers run. */

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
  expect(await test.kubectlWith(objects.map((object) => JSON.stringify(object)).join('\n---\n'), 'apply', '-f', '-')).toMatchObject({ code: 0, err: 'Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n' });
});
afterAll(() => test.dispose());

const pods = (app: string, more: object = {}) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image: 'web:1' }], ...more } });
const made = (apiVersion: string, kind: string, name: string, more: object) => ({ apiVersion, kind, metadata: { name }, ...more });
const set = (app: string, more: object = {}) => ({ spec: { selector: { matchLabels: { app } }, template: pods(app), ...more } });
const storage = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const objects = [
  made('batch/v1', 'Job', 'pi', { spec: { template: { spec: { ...pods('pi').spec, restartPolicy: 'Never' } } } }),
  made('batch/v1', 'CronJob', 'nightly', { spec: { schedule: '5 2 * * *', timeZone: 'Etc/UTC', jobTemplate: { spec: { template: { spec: { ...pods('n').spec, restartPolicy: 'Never' } } } } } }),
  made('apps/v1', 'StatefulSet', 'db', set('db', { serviceName: 'db', volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: storage }] })),
  made('apps/v1', 'DaemonSet', 'logs', set('logs')),
  made('apps/v1', 'ControllerRevision', 'db-1', { revision: 1, data: { spec: {} } }),
  made('v1', 'PersistentVolumeClaim', 'data', { spec: { ...storage, storageClassName: 'fast' } }),
  made('v1', 'PersistentVolume', 'disk', { spec: { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], capacity: { storage: '1Gi' }, hostPath: { path: '/srv' } } }),
  made('v1', 'LimitRange', 'limits', { spec: { limits: [{ type: 'Pod', max: { cpu: '8' } }] } }),
  made('v1', 'ReplicationController', 'old', { spec: { replicas: 2, template: pods('old') } }),
  made('v1', 'Endpoints', 'outside', { subsets: [{ addresses: [{ ip: '10.9.0.1' }, { ip: '10.9.0.2' }], ports: [{ port: 80 }] }] }),
  made('v1', 'PodTemplate', 'form', { template: pods('form') }),
  made('v1', 'ResourceQuota', 'most', { spec: { hard: { 'count/secrets': '100' } } }),
  made('policy/v1', 'PodDisruptionBudget', 'db', { spec: { maxUnavailable: '50%', selector: { matchLabels: { app: 'db' } } } }),
  made('networking.k8s.io/v1', 'Ingress', 'web', { spec: { ingressClassName: 'edge', tls: [{ hosts: ['a.example'] }], rules: [{ host: 'a.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] } }] } }),
  made('networking.k8s.io/v1', 'IngressClass', 'edge', { spec: { controller: 'example.com/edge' } }),
  made('networking.k8s.io/v1', 'NetworkPolicy', 'closed', { spec: { podSelector: { matchLabels: { app: 'db' } } } }),
  made('networking.k8s.io/v1', 'ServiceCIDR', 'more', { spec: { cidrs: ['10.200.0.0/16'] } }),
  made('networking.k8s.io/v1', 'IPAddress', '10.200.0.1', { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } } }),
  made('discovery.k8s.io/v1', 'EndpointSlice', 'web-1', { addressType: 'IPv4', endpoints: [{ addresses: ['10.9.0.1'] }, { addresses: ['10.9.0.2'] }], ports: [{ name: 'a', port: 80 }, { name: 'b', port: 443 }] }),
  made('autoscaling/v1', 'HorizontalPodAutoscaler', 'db', { spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db' }, minReplicas: 2, maxReplicas: 5, targetCPUUtilizationPercentage: 70 } }),
];

/** Columns as kubectl prints them, the time aside. */
const rows: readonly (readonly [resource: string, name: string, header: string, row: string])[] = [
  ['jobs', 'pi', 'NAME STATUS COMPLETIONS DURATION AGE', 'pi Running 0/1'],
  ['cronjobs', 'nightly', 'NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE', 'nightly 5 2 * * * Etc/UTC False 0 <none>'],
  ['statefulsets', 'db', 'NAME READY AGE', 'db 0/1'],
  ['daemonsets', 'logs', 'NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE', 'logs 0 0 0 0 0 <none>'],
  ['controllerrevisions', 'db-1', 'NAME CONTROLLER REVISION AGE', 'db-1 <none> 1'],
  ['persistentvolumeclaims', 'data', 'NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE', 'data Pending fast <unset>'],
  ['persistentvolumes', 'disk', 'NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE', 'disk 1Gi RWO,ROX Retain Pending <unset>'],
  ['limitranges', 'limits', 'NAME CREATED AT', 'limits'],
  ['replicationcontrollers', 'old', 'NAME DESIRED CURRENT READY AGE', 'old 2 0 0'],
  ['endpoints', 'outside', 'NAME ENDPOINTS AGE', 'outside 10.9.0.1:80,10.9.0.2:80'],
  ['podtemplates', 'form', 'NAME CONTAINERS IMAGES POD LABELS', 'form c web:1 app=form'],
  ['resourcequotas', 'most', 'NAME REQUEST LIMIT AGE', 'most'],
  ['poddisruptionbudgets', 'db', 'NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE', 'db N/A 50% 0'],
  ['ingresses', 'web', 'NAME CLASS HOSTS ADDRESS PORTS AGE', 'web edge a.example 80, 443'],
  ['ingressclasses', 'edge', 'NAME CONTROLLER PARAMETERS AGE', 'edge example.com/edge <none>'],
  ['networkpolicies', 'closed', 'NAME POD-SELECTOR AGE', 'closed app=db'],
  ['servicecidrs', 'more', 'NAME CIDRS AGE', 'more 10.200.0.0/16'],
  ['ipaddresses', '10.200.0.1', 'NAME PARENTREF AGE', '10.200.0.1 services/default/web'],
  ['endpointslices', 'web-1', 'NAME ADDRESSTYPE PORTS ENDPOINTS AGE', 'web-1 IPv4 80,443 10.9.0.1,10.9.0.2'],
  ['horizontalpodautoscalers', 'db', 'NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE', 'db StatefulSet/db cpu: <unknown>/70% 2 5 0'],
];

describe('kubectl', () => {
  it.each(rows)('lists and describes %s', async (resource, name, header, row) => {
    const { out } = await test.kubectl('get', resource, name);
    const [first = '', second = ''] = out.split('\n').map((line) => line.replaceAll(/ +/g, ' ').trim());
    expect(first).toBe(header);
    expect(`${second} `).toContain(`${row} `);
    const described = await test.kubectl('describe', resource, name);
    expect(described).toMatchObject({ code: 0 });
    expect(described.out).toContain(name);
  });

  it.each<[string, readonly string[], string]>([
    ['makes a job of a cron job', ['create', 'job', 'now', '--from=cronjob/nightly'], 'job.batch/now created'],
    ['makes a cron job', ['create', 'cronjob', 'hourly', '--schedule=0 * * * *', '--image=web:1'], 'cronjob.batch/hourly created'],
    ['makes a budget', ['create', 'poddisruptionbudget', 'one', '--selector=app=logs', '--min-available=1'], 'poddisruptionbudget.policy/one created'],
    ['makes a quota', ['create', 'quota', 'few', '--hard=count/jobs.batch=100'], 'resourcequota/few created'],
    ['makes an Ingress', ['create', 'ingress', 'plain', '--rule=a.example/x=web:80'], 'ingress.networking.k8s.io/plain created'],
    ['scales a StatefulSet', ['scale', 'statefulset/db', '--replicas=3'], 'statefulset.apps/db scaled'],
    ['scales a ReplicationController', ['scale', 'rc/old', '--replicas=3'], 'replicationcontroller/old scaled'],
    ['autoscales', ['autoscale', 'rc', 'old', '--max=4'], 'horizontalpodautoscaler.autoscaling/old autoscaled'],
    ['sets an image', ['set', 'image', 'daemonset/logs', 'c=web:2'], 'daemonset.apps/logs image updated'],
    ['restarts', ['rollout', 'restart', 'statefulset/db'], 'statefulset.apps/db restarted'],
  ])('%s', async (_name, words, expected) => {
    expect(await test.kubectl(...words)).toMatchObject({ code: 0, out: `${expected}\n` });
  });
});
