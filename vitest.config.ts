import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{machinery,client,api,scheduler,controller,native,node-agent,cli,setup,test}/**/*.test.ts'],
    reporters: ['default'],
    testTimeout: 30_000,
  },
});
