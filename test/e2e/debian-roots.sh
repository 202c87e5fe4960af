#!/usr/bin/env bash
# Makes root file systems of Debian, as people make images of them: a minimal one, and on it nginx, Redis and PostgreSQL as Debian
# packages them.
#
#   test/e2e/debian-roots.sh DIRECTORY
#
# DIRECTORY/{debian,nginx,redis,postgresql} are of this machine's own release, by debootstrap and apt from the mirror that its
# sources name. Nothing is installed here, nor started anywhere. Needs root and debootstrap.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/fresh-machine/settings.sh
source "$here/../fresh-machine/settings.sh"

die() { printf 'debian-roots: %s\n' "$*" >&2; exit 1; }

# What is mounted in the roots, and all that runs there, goes with these namespaces, however this ends.
if [[ ${2:-} != --in-own-namespaces ]]; then
  exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- "${BASH_SOURCE[0]}" "$1" --in-own-namespaces
fi

directory=$1
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
mirror=$(archive_mirror) || die "cannot tell from apt's sources where this machine gets Debian's packages: is it a Debian?"
mapfile -t network < <(network_environment)

# in_root NAME COMMAND...
in_root() {
  local name=$1
  shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "${network[@]}" chroot "$directory/$name" "$@"
}

make_debian() {
  local root=$directory/debian
  debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$codename" "$root" "$mirror"
  # invoke-rc.d starts nothing then.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  # How this machine reaches mirrors is not to stay in an image.
  apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIPv)' >"$root/etc/apt/apt.conf.d/90machine" || true
  copy_resolver "$root"
  in_root debian apt-get update -q
}

copy_debian() { cp -a "$directory/debian" "$directory/$1"; }

install_packages() {
  local name=$1
  shift
  mount -t proc proc "$directory/$name/proc"
  in_root "$name" apt-get install -qy --no-install-recommends "$@"
  umount "$directory/$name/proc"
}

clean() {
  local root=$directory/$1
  in_root "$1" apt-get clean
  rm -rf "$root"/usr/sbin/policy-rc.d "$root"/etc/apt/apt.conf.d/90machine "$root"/etc/{resolv.conf,hostname} "$root"/var/lib/apt/lists/* "$root"/var/log/{dpkg.log,apt,bootstrap.log,alternatives.log} "$root"/usr/share/{doc,man}/*
}

main() {
  # It holds setuid programs that are nobody's to run here.
  mkdir -m 700 "$directory"
  make_debian
  copy_debian nginx
  copy_debian redis
  copy_debian postgresql

  install_packages debian locales iputils-ping libcap2-bin procps
  in_root debian localedef -i de_DE -f UTF-8 de_DE.UTF-8
  in_root debian useradd --create-home --shell /bin/bash --groups users ali
  in_root debian sh -c 'cd /srv && apt-get -q -o APT::Sandbox::User=root download hello'

  install_packages nginx nginx
  install_packages redis redis-server
  # By a number that manifests can name; and without a database of the package's own.
  in_root postgresql groupadd --system --gid 999 postgres
  in_root postgresql useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres
  mkdir "$directory/postgresql/etc/postgresql-common"
  printf 'create_main_cluster = false\n' >"$directory/postgresql/etc/postgresql-common/createcluster.conf"
  install_packages postgresql postgresql

  for name in debian nginx redis postgresql; do clean "$name"; done
}
# All of it is read when it starts: the file may change meanwhile.
main; exit
