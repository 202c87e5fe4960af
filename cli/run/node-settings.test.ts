import { describe, expect, it } from 'vitest';
import { parseMirror } from '../../node-agent/images/registry-settings.ts';
import { nodeSettings, type NodeFlags } from './node-settings.ts';

const flags: NodeFlags = { maxPods: 110, imageGcHighThreshold: 85, imageGcLowThreshold: 80, minimumImageTtlDuration: 1, evictionMaxPodGracePeriod: 0, cpuManagerPolicy: 'none', memoryReservationPolicy: 'None', memorySwapBehavior: 'NoSwap' };

describe('a node\'s directory of manifests', () => {
  it('may come later, but is no file', () => {
    expect(nodeSettings({ ...flags, podManifestPath: '/nowhere/manifests' }).podManifestPath).toBe('/nowhere/manifests');
    expect(nodeSettings({ ...flags, podManifestPath: import.meta.dirname }).podManifestPath).toBe(import.meta.dirname);
    expect(() => nodeSettings({ ...flags, podManifestPath: import.meta.filename })).toThrow(`${import.meta.filename} is no directory`);
  });
});

describe('a node\'s registries', () => {
  it('are what their names say when nobody says otherwise', () => {
    expect(nodeSettings(flags).registries).toEqual({ insecure: [], mirrors: new Map() });
  });

  it('may have several mirrors, in the order in which they were given', () => {
    const registryMirror = ['docker.io=https://one.example', 'registry.example=https://three.example', 'docker.io=https://two.example'].map(parseMirror);
    const { mirrors, insecure } = nodeSettings({ ...flags, registryMirror, insecureRegistry: ['plain.example'] }).registries;
    expect([...mirrors].map(([registry, urls]) => [registry, urls.map(({ host }) => host)])).toEqual([['docker.io', ['one.example', 'two.example']], ['registry.example', ['three.example']]]);
    expect(insecure).toEqual(['plain.example']);
  });
});
