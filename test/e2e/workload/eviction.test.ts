import { beforeAll, describe, expect, it } from 'vitest';
import { webImage } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('eviction');
const fill = (path: string): string => `head -c 8388608 /dev/zero > ${path}; sleep 1000`;
const limits = (storage: string) => ({ resources: { limits: { 'ephemeral-storage': storage } } });
const scratch = { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] };

/** Each breaks another limit; the last keeps to all of them. */
const hogs = [
  ['volume', pod('volume', { container: { ...script(fill('/scratch/f')), ...scratch }, spec: { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '2Mi' } }] } }), 'Usage of EmptyDir volume "scratch" exceeds the limit "2Mi". '],
  ['layer', pod('layer', { container: { ...script(fill('/f')), ...limits('2Mi') } }), 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. '],
  ['beside', pod('beside', {
    container: { ...script(fill('/f')), ...limits('2Mi') },
    spec: { containers: [{ name: 'main', image: webImage, ...script(fill('/f')), ...limits('2Mi') }, { name: 'roomy', image: webImage, ...script('sleep 1000'), ...limits('1Gi') }] },
  }), 'Container main exceeded its local ephemeral storage limit "2Mi". '],
] as const;

beforeAll(async () => {
  const within = pod('within', { container: { ...script(fill('/scratch/f')), ...scratch, ...limits('64Mi') }, spec: { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '16Mi' } }] } });
  await kubectl.apply(within, ...hogs.map(([, object]) => object));
});

describe('a pod that has more on the node\'s disk than it may', () => {
  it.each(hogs)('%s is evicted, and says why', async (name, _object, message) => {
    await kubectl`wait pod/${name} --for=jsonpath={.status.reason}=Evicted --timeout=30s`;
    await kubectl`wait pod/${name} --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect(await kubectl`get pod ${name} -o jsonpath={.status.message}`).toBe(message);
    await eventually(async () => expect(await kubectl`get events --field-selector involvedObject.name=${name},reason=Evicted -o jsonpath={.items[*].message}`).toBe(message));
  });

  it('goes alone: others that keep to their limits stay', async () => {
    expect(await kubectl`get pods --field-selector=status.phase!=Failed -o name`).toBe('pod/within\n');
    expect(await kubectl`get pod within -o jsonpath={.status.containerStatuses[0].restartCount}`).toBe('0');
  });
});
