import { describe, expect, it } from 'vitest';
import { useCluster } from './cluster.ts';

const cluster = useCluster('explain');

describe('kubectl explain', () => {
  it('knows every field of every kind, and what it means', async () => {
    // Name, perhaps short names, API version, whether namespaced, kind.
    const left = (await cluster.kubectl`api-resources --no-headers`).trim().split('\n').map((line) => {
      const [, name = '', apiVersion = ''] = /^(\S+)\s+(?:\S+\s+)?(\S*v\d\S*)\s+(?:true|false)\s+\S+$/.exec(line) ?? [];
      return { name, apiVersion };
    });
    expect(left.length).toBeGreaterThan(60);
    const unexplained: string[] = [];
    await Promise.all([1, 2, 3].map(async () => {
      for (let kind = left.pop(); kind !== undefined; kind = left.pop()) {
        const { name, apiVersion } = kind;
        const { code, stdout, stderr } = await cluster.kubectl.outcome`explain ${name} --recursive --api-version=${apiVersion}`;
        if (code !== 0 || !/^KIND: /m.test(stdout) || !/^FIELDS?:\n( {2}\S+\t<.*)/m.test(stdout)) unexplained.push(`${name}: ${stdout}${stderr}`);
      }
    }));
    expect(unexplained).toEqual([]);
  });
});
