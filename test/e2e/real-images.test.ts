import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { patience } from '../patience.ts';
import { outcome, run } from './command.ts';
import { coracleProgram } from './coracle.ts';
import { debianRoots, rootNames, rootsMs, whyNoRoots, type RootName } from './debian-roots.ts';
import { eventually } from './eventually.ts';
import { useNamespace } from './namespace.ts';
import { startRegistry, type Registry } from './registry.ts';

/** What people run: a Debian, and servers as Debian packages them, by manifests as people write them. Nothing in them knows of Coracle. */
const whyNot = whyNoRoots();
/** For what waits until images of some hundred megabytes are packed, or pulled. */
const startMs = 120_000;

/** What their images are built with. */
async function flagsOf(roots: string, name: RootName): Promise<readonly string[]> {
  switch (name) {
    case 'debian': return ['--cmd', 'bash', '--user', 'ali', '--env', 'LANG=de_DE.UTF-8'];
    case 'nginx': return ['--entrypoint', '["nginx", "-g", "daemon off;"]'];
    case 'redis': return ['--entrypoint', 'redis-server'];
    case 'postgresql': {
      const [version = ''] = await readdir(join(roots, 'postgresql/usr/lib/postgresql'));
      return ['--entrypoint', 'postgres', '--user', 'postgres', '--env', `PATH=/usr/lib/postgresql/${version}/bin:/usr/local/bin:/usr/bin:/bin`, '--env', 'PGDATA=/var/lib/postgresql/data'];
    }
  }
}

describe.skipIf(whyNot !== undefined)(`an image of a Debian root${whyNot === undefined ? '' : ` (left out: ${whyNot})`}`, () => {
  const kubectl = useNamespace('real-images').with({ deadlineMs: startMs });
  const image = (...args: readonly string[]) => outcome(coracleProgram, ['image', ...args, '--data-dir', inject('cluster').dataDir], { deadlineMs: startMs });
  const resources = new AsyncDisposableStack();
  let roots: string;
  let directory: string;
  let registry: Registry;

  const imageOf = (name: RootName): string => `${registry.host}/debian/${name}:1`;
  /** As root of the Debian without a terminal. */
  const asRoot = (command: string) => kubectl`exec debian -c root -- bash -c ${command}`;
  const asAli = (command: string) => kubectl`exec debian -c shell -- bash -c ${command}`;
  const address = (pod: string) => kubectl`get pod ${pod} -o ${'jsonpath={.status.podIP}'}`;
  const get = async (url: string) => (await fetch(url, { signal: AbortSignal.timeout(10_000 * patience) })).text();

  beforeAll(async () => {
    roots = await debianRoots();
    registry = resources.use(await startRegistry());
    directory = resources.adopt(await mkdtemp(join(tmpdir(), 'coracle-real-')), (path) => rm(path, { recursive: true }));
    for (const name of rootNames) {
      expect(await image('build', join(roots, name), '-t', imageOf(name), ...await flagsOf(roots, name))).toMatchObject({ code: 0, stderr: '' });
      expect(await image('push', imageOf(name), imageOf(name))).toMatchObject({ code: 0, stderr: '' });
      expect(await image('rm', imageOf(name))).toMatchObject({ code: 0 });
      const manifest = (await readFile(join(import.meta.dirname, 'real-images', `${name}.yaml`), 'utf8')).replaceAll(`registry.example/${name}:1`, imageOf(name));
      await kubectl.with({ input: manifest })`apply -f -`;
    }
    await kubectl`wait pod/debian pod/debian-own-users pod/postgresql --for=condition=Ready --timeout=100s`;
    await kubectl`rollout status deployment/nginx statefulset/redis --timeout=100s`;
  }, (rootsMs + 3 * startMs) * patience);
  afterAll(() => resources.disposeAsync());

  describe('with a shell', () => {
    it('has every file as it is there: its type, mode, owners, names, links and capabilities', async () => {
      // Overlay says 1 of every directory's links; a pod has files of its own where these are.
      const list = String.raw`cd "$0" && find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run/secrets -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf \) -prune -o -type d -printf '%p %y %m %U %G\n' -o -printf '%p %y %m %U %G %n %l %s\n' | LC_ALL=C sort; getcap -r . 2>/dev/null`;
      const [expected, found] = [await run('chroot', [join(roots, 'debian'), 'bash', '-c', list, '/']), await kubectl`exec debian -c root -- bash -c ${list} /`];
      expect(found.split('\n')).toEqual(expected.split('\n'));
      expect(found).toMatch(/^\.\/usr\/bin\/su f 4755 0 0 /m);
      expect(found).toMatch(/ping cap_net_raw=ep/);
      expect(await asRoot('find /usr /etc -newermt 1970-01-02 -not -path "/etc/host*" -not -path /etc/resolv.conf -not -path /etc')).toBe('');
    });

    it('runs as its user by name, in their groups and language', async () => {
      expect(await asAli('id; echo $HOME; whoami; date -d 2026-03-01 +%B; printf ä | wc -m')).toBe('uid=1000(ali) gid=1000(ali) Gruppen=1000(ali),100(users)\n/home/ali\nali\nMärz\n1\n');
      expect(await asRoot('su - ali -c "id -un; pwd"; setpriv --reuid ali --regid ali --init-groups --inh-caps=-all id -nG; getent passwd ali')).toBe('ali\n/home/ali\nali users\nali:x:1000:1000::/home/ali:/bin/bash\n');
    });

    it.each(['debian', 'debian-own-users'])('lets users become others by setuid programs, and use file capabilities (%s)', async (pod) => {
      expect(await kubectl`exec ${pod} -c root -- bash -c ${'chpasswd <<< ali:sesame; su nobody -s /bin/bash -c "id -u; ping -q -c1 127.0.0.1 >/dev/null && echo pinged; su ali -c id\\ -un <<< sesame 2>/dev/null; su ali -c true <<< guess 2>/dev/null || echo refused"'}`).toBe('65534\npinged\nali\nrefused\n');
    });

    it.each(['debian', 'debian-own-users'])('takes packages, users and what they leave behind (%s)', async (pod) => {
      const inside = (command: string) => kubectl`exec ${pod} -c root -- bash -c ${`export LC_ALL=C; ${command}`}`;
      expect(await inside('dpkg -l bash | tail -n 1')).toMatch(/^ii {2}bash /);
      await inside('apt-get install -y /srv/hello_*.deb');
      expect(await inside('hello; dpkg -s hello | grep Status')).toBe('Hello, world!\nStatus: install ok installed\n');
      await inside('apt-get remove -y hello');
      expect(await inside('hash hello 2>/dev/null || echo gone; useradd -m mia && su mia -c "touch ~/x" && stat -c "%U %G" /home/mia/x && userdel -r mia 2>/dev/null; ls /home')).toBe('gone\nmia mia\nali\n');
    });

    it('has a terminal with job control', async () => {
      await using terminal = kubectl.terminal`exec -it debian -c shell -- bash`;
      await terminal.until(/ali@debian:\/\$ /);
      terminal.write('echo $TERM; sleep 1000\r');
      await terminal.until(/xterm\r\n/);
      await eventually(async () => expect(await asAli('pgrep -c sleep')).toBe('1\n'));
      terminal.write('\x1a');
      await terminal.until(/\[1\]\+ {2}Angehalten +sleep 1000/);
      terminal.write('kill %1; fg\r');
      await terminal.until(/sleep 1000\r\n/);
      terminal.write('exit 3\r');
      await terminal.until(/exit\r\n/);
    });

    it('is attached to as it runs', async () => {
      await using terminal = kubectl.terminal`attach -it debian -c shell`;
      terminal.write('echo $((6 * 7)) $PPID $$\r');
      await terminal.until(/42 0 1\r\n/);
    });

    it('can not be taken for a user other than root by its name alone', async () => {
      const overrides = { spec: { securityContext: { runAsNonRoot: true } } };
      await kubectl`run named --image=${imageOf('debian')} --overrides=${JSON.stringify(overrides)}`;
      await eventually(async () => expect(await kubectl`describe pod named`).toContain('Error: container has runAsNonRoot and image has non-numeric user (ali), cannot verify user is non-root'));
      await kubectl`delete pod named --now`;
    });
  });

  describe('with nginx', () => {
    const pods = async () => (await kubectl.object<{ items: Pod[] }>`get pods -l app=nginx -o json`).items;

    it('serves what ConfigMaps say at its pods’ addresses, and logs it', async () => {
      for (const { metadata, status } of await pods()) {
        expect(await get(`http://${status?.podIP ?? ''}/`)).toBe('<h1>Served from a ConfigMap</h1>\n');
        await eventually(async () => expect(await kubectl`logs ${metadata?.name ?? ''}`).toMatch(/ "GET \/ HTTP\/1\.1" 200 33 /));
      }
    });

    it('has a master that is root inside only, and workers without rights', async () => {
      const [pod] = await pods();
      const name = pod?.metadata?.name ?? '';
      expect(await kubectl`exec ${name} -- sh -c ${'grep -h -E "^(Uid|CapEff)" /proc/1/status /proc/2/status; touch /etc/x 2>&1; read first outside many < /proc/self/uid_map; test $first = 0 -a $outside != 0'}`).toMatch(/^Uid:\t0\t.*\nCapEff:\t00000000000004c1\nUid:\t33\t.*\nCapEff:\t0000000000000000\n.*Read-only file system\n$/);
    });

    it('is reached through the API by port-forward, and takes files by cp', async () => {
      const file = join(directory, 'page.html');
      await writeFile(file, '<h1>Carried in</h1>\n');
      const [pod] = await pods();
      await kubectl`cp ${file} real-images/${pod?.metadata?.name ?? ''}:/srv/uploads/page.html`;
      await using forward = kubectl.start`port-forward pod/${pod?.metadata?.name ?? ''} :http`;
      const [, port] = await forward.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 80/);
      expect(await get(`http://127.0.0.1:${port}/uploads/page.html`)).toBe('<h1>Carried in</h1>\n');
      await kubectl`cp real-images/${pod?.metadata?.name ?? ''}:/etc/nginx ${join(directory, 'etc')}`;
      expect(await readFile(join(directory, 'etc/conf.d/site.conf'), 'utf8')).toContain('default_server');
    });

    it('is looked into from beside, with the tools of another image', async () => {
      const [pod] = await pods();
      const name = pod?.metadata?.name ?? '';
      await kubectl`debug ${name} --image=${imageOf('debian')} --target=nginx -c looker --profile=general -- ps -eo user,args`;
      await kubectl`wait pod/${name} --for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0 --timeout=60s`;
      expect(await kubectl`logs ${name} -c looker`).toMatch(/^root +nginx: master process nginx -g daemon off;\nwww-data nginx: worker process\nwww-data nginx: worker process\nali +ps -eo user,args$/m);
    });

    it('is rolled to another configuration', async () => {
      const changed = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'nginx-pages' }, data: { 'index.html': 'Changed\n' } };
      await kubectl.apply(changed);
      await kubectl`rollout restart deployment/nginx`;
      await kubectl`rollout status deployment/nginx --timeout=60s`;
      const running = (await pods()).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
      expect(running).toHaveLength(2);
      for (const { status } of running) expect(await get(`http://${status?.podIP ?? ''}/`)).toBe('Changed\n');
    });
  });

  describe('with Redis', () => {
    it('writes its data as the user that the pod names, and has it again when its container is started again', async () => {
      expect(await kubectl`exec redis-0 -- redis-cli set colour red`).toBe('OK\n');
      expect(await kubectl`exec redis-0 -- sh -c ${'id -u; id -G; stat -c "%u %g %a" /data /data/appendonlydir; touch /x 2>&1; grep CapEff /proc/1/status'}`).toBe("10001\n10001\n0 10001 2777\n10001 10001 2755\ntouch: cannot touch '/x': Read-only file system\nCapEff:\t0000000000000000\n");
      await kubectl.outcome`exec redis-0 -- redis-cli shutdown`;
      await kubectl`wait pod/redis-0 --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=60s`;
      await kubectl`wait pod/redis-0 --for=condition=Ready --timeout=60s`;
      expect(await kubectl`exec redis-0 -- redis-cli get colour`).toBe('red\n');
      expect(await kubectl`logs redis-0 --previous`).toContain('Redis is now ready to exit, bye bye...');
    });

    it('answers other pods', async () => {
      expect(await asRoot(`exec 3<>/dev/tcp/${await address('redis-0')}/6379; printf 'PING\\r\\n' >&3; head -n 1 <&3`)).toBe('+PONG\r\n');
    });
  });

  describe('with PostgreSQL', () => {
    const sql = (text: string, ...flags: readonly string[]) => kubectl.outcome`exec postgresql -- ${flags[0] ?? 'psql'} ${flags[1] ?? '--no-psqlrc'} --username=postgres --tuples-only --no-align --command ${text}`;

    it('was made by an init container, and answers who has the password', async () => {
      expect(await sql("select count(*) from generate_series(1, 1000); create table boats (name text); insert into boats values ('Kork')")).toMatchObject({ code: 0, stdout: '1000\nCREATE TABLE\nINSERT 0 1\n' });
      const host = `--host=${await address('postgresql')}`;
      expect(await sql('select name from boats', 'psql', host)).toMatchObject({ code: 0, stdout: 'Kork\n' });
      expect((await kubectl.outcome`exec postgresql -- env PGPASSWORD=guess psql ${host} --username=postgres --command ${'select 1'}`).stderr).toContain('password authentication failed for user "postgres"');
      expect(await kubectl`logs postgresql -c initdb`).toContain('Success. You can now start the database server');
    });

    it('restores a dump that comes by standard input', async () => {
      const dump = await kubectl`exec postgresql -- pg_dump --username=postgres --clean postgres`;
      expect(dump).toContain('COPY public.boats');
      await kubectl.with({ input: dump })`exec -i postgresql -- psql --username=postgres --quiet --set=ON_ERROR_STOP=1`;
      expect((await sql('select name from boats')).stdout).toBe('Kork\n');
    });

    it('asks several processes, which share memory', async () => {
      const text = 'set max_parallel_workers_per_gather = 2; set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; create table numbers as select generate_series(1, 200000) as i; select sum(i) from numbers; explain (analyze, costs off) select sum(i) from numbers';
      expect((await sql(text)).stdout).toMatch(/^(SET\n){4}SELECT 200000\n20000100000\n[^]*Workers Launched: 2\n/);
    });

    it('shuts down in order, by its hook', async () => {
      await using logs = kubectl.start`logs -f postgresql -c postgresql`;
      await kubectl`delete pod postgresql --wait=false`;
      await logs.until(/received fast shutdown request/);
      await logs.until(/database system is shut down/);
    });
  });

  it('is looked through for packages, as dpkg lists them', async () => {
    const listed = await run('chroot', [join(roots, 'postgresql'), 'dpkg-query', '-W', '-f', '${Package} ${Version}\n']);
    const { stdout } = await image('packages', imageOf('postgresql'));
    expect(stdout.split('\n').slice(1, -1).map((line) => line.split(/ +/).slice(0, 2).join(' ')).toSorted()).toEqual(listed.trim().split('\n').toSorted());
    const found = await image('find', 'openssl<99');
    expect(found).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^real-images +nginx-\S+ +nginx +\S+\/debian\/nginx:1 +libssl3 /m) });
    expect((await image('find', 'openssl<1')).stdout).toMatch(/^no running container's image has /);
  });
});
