import { describe, expect, it } from 'vitest';
import { useCluster } from './cluster.ts';

const cluster = useCluster('version');

describe('[sig-api-machinery]', () => {
  it('server version should find the server version', async () => {
    const version = await cluster.transport.getPath('/version');
    expect(version).toMatchObject({ major: '1', minor: '36' });
  });
});
