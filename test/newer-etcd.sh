#!/usr/bin/env bash
# Tries `--store etcd` with the newer releases of etcd that Debian has.
#
#   test/newer-etcd.sh [--e2e]
#
# Downloads etcd-server of Debian's backports, stable, testing and unstable (checked by apt against the archive's signatures; this
# machine's packages and sources stay as they are), and runs with each what holds the store on etcd: the contract, the failures of
# members, networks and leases, and the watch cache's history. --e2e runs the whole end-to-end suite with the newest too.
# Not part of `npm test`: it takes minutes and downloads 50 MB.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/fresh-machine/settings.sh
source "$here/fresh-machine/settings.sh"
# shellcheck source=test/fresh-machine/apt.sh
source "$here/fresh-machine/apt.sh"

say() { printf 'newer-etcd: %s\n' "$*"; }
die() { printf 'newer-etcd: %s\n' "$*" >&2; exit 1; }

with_e2e=no
for argument in "$@"; do
  case $argument in
    --e2e) with_e2e=yes ;;
    *) die 'usage: test/newer-etcd.sh [--e2e]' ;;
  esac
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/newer-etcd.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

make_apt() {
  local mirror suite
  mirror=$(archive_mirror) || die "cannot tell from apt's sources where this machine gets Debian's packages: is it a Debian?"
  # Backports go away some years after their release.
  private_apt "$scratch" < <(for suite in "$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")-backports" stable testing unstable; do printf '%s %s\n' "$mirror" "$suite"; done)
}

# Debian's versions of etcd-server, newest first.
versions() { apt-cache madison etcd-server | awk '{ print $3 }' | uniq; }

# download VERSION DIR: unpacks its program into DIR.
download() {
  (cd "$scratch/packages" && apt-get download -qq "etcd-server=$1") || die "cannot download etcd-server $1"
  dpkg-deb --extract "$scratch/packages"/etcd-server_*.deb "$2"
  rm "$scratch/packages"/etcd-server_*.deb
}

# With the whole minute of standstills, as CI has it.
run_tests() { (cd "$here/.." && unset APT_CONFIG && CI=true npm test -- "$@"); }

main() {
  local version program newest='' installed
  make_apt
  installed=$(etcd --version 2>/dev/null | awk '/^etcd Version/ { print $3 }') || installed=none
  say "Debian has $(versions | paste -sd ' '); this machine has $installed"
  for version in $(versions); do
    download "$version" "$scratch/etcd-$version"
    program=$scratch/etcd-$version/usr/bin/etcd
    # It may want a newer C library.
    if ! "$program" --version >"$scratch/version"; then
      say "$version does not run on this machine: left out"
      continue
    fi
    say "with $(head -n 1 "$scratch/version") ($version)"
    : "${newest:=$program}"
    CORACLE_TEST_ETCD=$program run_tests --project unit test/store-etcd.test.ts test/watch-cache-history.test.ts
  done
  [[ $newest != '' ]] || die 'Debian has none that runs on this machine'
  if [[ $with_e2e == yes ]]; then CORACLE_TEST_ETCD=$newest CORACLE_TEST_STORE=etcd run_tests --project e2e; fi
}
main
