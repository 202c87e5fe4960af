import { defineConfig } from 'vitest/config';
import { patience } from './test/patience.ts';

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{machinery,client,api,scheduler,controller,native,node-agent,cli,setup,test}/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/conformance/**'],
          testTimeout: 30_000 * patience,
          hookTimeout: 10_000 * patience,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // One control plane without a node: what Kubernetes' conformance suite demands of an API server.
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          globalSetup: ['test/conformance/server.ts'],
          testTimeout: 60_000 * patience,
          hookTimeout: 60_000 * patience,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Real clusters: after the unit tests, and at most two files at once, so that what they measure is not each other.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/cluster.ts'],
          testTimeout: 60_000 * patience,
          hookTimeout: 60_000 * patience,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
