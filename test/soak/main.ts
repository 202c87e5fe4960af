/** `npm run soak -- [minutes] [pods] [kills] [seed]`: prints what became of a machine whose pods come and go. Default: an hour of 200 pods, nothing killed. */
import { inspect } from 'node:util';
import { soak } from './soak.ts';

const [minutes = 60, pods = 200, kills = 0, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number);
if (![pods, kills, seed].every(Number.isInteger) || !(minutes > 0)) throw new Error('usage: npm run soak -- [minutes] [pods] [kills] [seed]');
console.log(`soak: ${minutes} min of ${pods} pods, ${kills} kills of the agent, seed ${seed}`);
const { created, deleted, executed, before, after, supervisorKib } = await soak({ seconds: minutes * 60, pods, kills, seed, restSeconds: 30, etcdEndpoints: [] }).catch((error: unknown) => {
  // With the errors that it holds: the way out may have failed too.
  console.error(inspect(error, { depth: 6 }));
  process.exit(1);
});
console.log(`soak: ${created} pods created, ${deleted} deleted, ${executed} commands executed; in the end there was what was asked for, and then nothing`);
for (const [when, { processes, files, residentMib }] of Object.entries({ before, after })) console.log(`soak: ${when}: ${processes} processes in cgroups, agent: ${files} open files, ${residentMib} MiB`);
console.log(`soak: ${supervisorKib.count} supervisors and zygotes, median ${supervisorKib.median} KiB, most ${supervisorKib.most} KiB (PSS)`);
