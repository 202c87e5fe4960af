/** `npm run fuzz -- [seconds] [seed]`: prints what became of a server that was sent odd requests. Default: ten minutes. */
import { fuzz } from './run.ts';

const seconds = Number(process.argv[2] ?? 600);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
if (!Number.isInteger(seconds) || !Number.isInteger(seed)) throw new Error('usage: npm run fuzz -- [seconds] [seed]');
console.log(`fuzz: ${seconds} s with seed ${seed}`);
const { sent, codes, failures, complaints, grownMib } = await fuzz({ seconds, seed, restSeconds: 30 });
console.log(`fuzz: ${sent} requests; answers: ${Object.entries(codes).toSorted().map(([code, count]) => `${count} × ${code}`).join(', ')}`);
console.log(`fuzz: memory half a minute later: ${grownMib.toFixed(0)} MiB more than when it was warm (at most 64)`);
// The first of each kind: one defect has many requests.
const kinds = new Map(failures.map((failure) => [failure.what.replaceAll(/[^a-z ]/gi, '').slice(0, 120), failure]));
for (const { request: { method, path, headers, body }, what } of kinds.values()) console.log(`fuzz: ${what}\n  ${method} ${path}\n  ${JSON.stringify(headers)}\n  ${body.toString('latin1').slice(0, 2000)}`);
if (complaints !== '') console.log(`fuzz: the server said:\n${complaints}`);
process.exitCode = failures.length > 0 || complaints !== '' || grownMib > 64 ? 1 : 0;
