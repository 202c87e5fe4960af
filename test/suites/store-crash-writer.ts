/** Writes to a store as fast as it goes until it is killed. Prints `<number> <revision>` for each acknowledged pair of keys. */
import { openEmbedded } from '../../api/store/embedded.ts';

const [path = '', start = '0'] = process.argv.slice(2);
const store = await openEmbedded({ path });
let next = Number(start);

async function writer(): Promise<never> {
  for (;;) {
    const number = next++;
    const value = Buffer.from(`${number} ${'x'.repeat(number % 3000)}`);
    const { revision } = await store.commit({
      compares: [{ key: `/a/${number}`, revision: 0 }],
      writes: [{ type: 'put', key: `/a/${number}`, value }, { type: 'put', key: `/b/${number}`, value }],
    });
    process.stdout.write(`${number} ${revision}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, writer));
