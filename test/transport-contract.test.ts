import { transportContract } from './suites/transport-contract.ts';
import { startTestServer } from './test-server.ts';

/** Both ways to the API, held to one suite. */
transportContract('the API over HTTPS', async () => {
  const test = await startTestServer();
  return { transport: test.transport, powerless: await test.transportAs('nobody'), dispose: () => test.dispose() };
});

transportContract('the API inside the process', async () => {
  const test = await startTestServer();
  return {
    transport: test.server.localTransport({ name: 'tester', groups: ['system:masters'] }),
    powerless: test.server.localTransport({ name: 'nobody', groups: [] }),
    dispose: () => test.dispose(),
  };
});
