/**
 * Assembles the example image from Debian's busybox-static: a docker archive with one layer, so that the quick start needs
 * no registry. Format: docker save's archive; "OCI image configuration".
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

export const exampleImage = 'coracle.example/web:1';

const applets = ['sh', 'httpd', 'wget', 'nc', 'sleep', 'echo', 'cat', 'ls', 'ps', 'id', 'hostname', 'ip', 'ping', 'env', 'true', 'false', 'test', 'seq', 'date', 'head',
  'tail', 'grep', 'sed', 'awk', 'kill', 'mkdir', 'rm', 'cp', 'mv', 'touch', 'chmod', 'chown', 'dd', 'df', 'mount', 'umount', 'nslookup', 'stat', 'wc', 'sort', 'top', 'free',
  'uname', 'whoami', 'printf', 'tee', 'yes', 'stty', 'tty', 'find', 'xargs', 'readlink', 'ln', 'du', 'vi', 'less', 'md5sum', 'sha256sum', 'base64', 'tar', 'gzip', 'timeout', 'usleep'];

const page = '#!/bin/sh\nprintf \'Content-Type: text/plain\\r\\n\\r\\nHello from %s\\n\' "$(hostname)"\n';

/** `entries`: tar-stream headers, each with its content. */
async function archive(entries) {
  const stream = pack();
  for (const { content = '', ...header } of entries) stream.entry({ mtime: new Date(0), uid: 0, gid: 0, ...header }, content);
  stream.finalize();
  return buffer(stream);
}

const directory = (name, mode = 0o755) => ({ name, mode, type: 'directory' });
const file = (name, content, mode = 0o644) => ({ name, mode, type: 'file', content });
const symlink = (name, target) => ({ name, mode: 0o777, type: 'symlink', linkname: target });
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function rootFilesystem(busybox) {
  return archive([
    ...['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'usr', 'usr/bin', 'var', 'www', 'www/cgi-bin'].map((name) => directory(name)),
    directory('tmp', 0o1777),
    file('bin/busybox', busybox, 0o755),
    ...applets.map((name) => symlink(`bin/${name}`, 'busybox')),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    file('etc/group', 'root:x:0:\nweb:x:1000:\nnogroup:x:65534:\n'),
    file('www/index.html', 'Hello from Coracle\n'),
    file('www/cgi-bin/hello', page, 0o755),
  ]);
}

/** Writes the archive to `target`, complete or not at all. */
export async function buildExampleImage(target) {
  const busyboxPath = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (busyboxPath === undefined) throw new Error('no busybox found: install the Debian package busybox-static');
  const layer = await rootFilesystem(readFileSync(busyboxPath));
  const config = JSON.stringify({
    architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch], os: 'linux', created: '1970-01-01T00:00:00Z',
    config: { Cmd: ['/bin/httpd', '-f', '-p', '8080', '-h', '/www'], Env: ['PATH=/bin:/usr/bin'], WorkingDir: '/', ExposedPorts: { '8080/tcp': {} } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox-static of Debian' }],
  });
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [exampleImage], Layers: ['layer.tar'] }]);
  const bytes = await archive([file('config.json', config), file('layer.tar', layer), file('manifest.json', manifest)]);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.part`, bytes);
  renameSync(`${target}.part`, target);
}
