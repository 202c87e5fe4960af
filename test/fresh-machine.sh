#!/usr/bin/env bash
# Tries the README's two commands on a machine that has nothing but what the README asks for.
#
#   test/fresh-machine.sh bookworm|trixie [--tests] [DIR]
#
# Makes a minimal Debian in DIR (default: a new temporary directory; removed afterwards), boots it in namespaces of its own,
# clones this repository's current commit into it and runs `npm run quickstart`, asks a pod for an answer, runs `npm run
# down` and counts what is left; --tests runs `npm test` too. Needs root, debootstrap, iproute2, nftables and util-linux here;
# registries are reached as this machine reaches them. Not part of `npm test`: it takes minutes and downloads a Debian.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
# shellcheck source=test/fresh-machine/settings.sh
source "$here/fresh-machine/settings.sh"
# shellcheck source=test/fresh-machine/machine.sh
source "$here/fresh-machine/machine.sh"

quickstart_seconds=1500
test_seconds=2700
started=$SECONDS

say() { printf 'fresh-machine: %s\n' "$*"; }
die() { printf 'fresh-machine: %s\n' "$*" >&2; exit 1; }

usage='usage: test/fresh-machine.sh bookworm|trixie [--tests] [DIR]'
suite='' directory='' with_tests=no
for argument in "$@"; do
  case $argument in
    --tests) with_tests=yes ;;
    -*) die "$usage" ;;
    *) if [[ $suite == '' ]]; then suite=$argument; elif [[ $directory == '' ]]; then directory=$argument; else die "$usage"; fi ;;
  esac
done
[[ $suite == bookworm || $suite == trixie ]] || die "$usage"
[[ $(id -u) == 0 ]] || die 'makes namespaces and a Debian root, which takes root: run it with sudo'
for tool in debootstrap ip nft unshare nsenter pivot_root git; do
  command -v "$tool" >/dev/null || die "'$tool' is missing: install debootstrap, iproute2, nftables, util-linux and git"
done

# Only what this run made is removed: a DIR that holds something already is refused.
if [[ $directory == '' ]]; then
  directory=$(mktemp -d "${TMPDIR:-/tmp}/fresh-machine.XXXXXX")
else
  mkdir -p "$directory"
  [[ $(ls -A "$directory") == '' ]] || die "$directory is not empty: name a directory that can be filled and removed"
  directory=$(cd "$directory" && pwd)
fi
root=$directory/root

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
  local status=$?
  trap - EXIT INT TERM
  # What can't be removed must not keep the rest from being removed.
  set +e
  stop_machine
  # A mount that is still there would be emptied with the directory; the machine's own mounts went with its namespace.
  if grep -qF " $directory/" /proc/self/mounts; then
    say "something is still mounted below $directory: it is left there"
    status=1
  else
    rm -rf --one-file-system "$directory"
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# debootstrap mounts /proc in the root that it makes: in a mount namespace of its own these go even when it dies half-way.
make_root() {
  local mirror
  mirror=$(archive_mirror) || die "cannot tell from apt's sources where this machine gets Debian's packages: is it a Debian?"
  say "making a minimal $suite"
  mkdir "$root"
  unshare --mount --propagation private -- \
    debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$suite" "$root" "$mirror" >"$directory/debootstrap.log" 2>&1 ||
    { tail -n 20 "$directory/debootstrap.log" >&2; die 'debootstrap failed'; }
  copy_settings "$root" "$suite"
}

# What the README presupposes: Node 20 with npm, and git. Debian 12's own Node is 18, so there this machine's is used.
install_prerequisites() {
  local wanted=(ca-certificates git)
  if [[ $suite == bookworm ]]; then copy_node "$root"; wanted+=(libstdc++6 libatomic1); else wanted+=(nodejs npm); fi
  say "installing ${wanted[*]}"
  inside sh -euc 'apt-get update -q; apt-get install -qy --no-install-recommends "$@"; update-ca-certificates' sh "${wanted[@]}" >"$directory/apt.log" 2>&1 ||
    { tail -n 20 "$directory/apt.log" >&2; die 'installing what the README presupposes failed'; }
  say "Node $(inside node --version), npm $(inside npm --version), $(inside git --version)"
}

clone_repository() {
  git -C "$repository" bundle create --quiet "$root/root/coracle.bundle" HEAD
  # A bundle of a commit has no branch, and git would say so at length.
  inside git -c init.defaultBranch=main -c advice.detachedHead=false clone --quiet coracle.bundle coracle
  say "cloned $(in_clone git log -1 --format='%h %s')"
}

in_clone() { inside env --chdir=/root/coracle "$@"; }

answer_of_a_pod() {
  local address
  address=$(in_clone env KUBECONFIG=/root/coracle/.coracle/admin.kubeconfig bin/coracle kubectl get pods -l app=web -o 'jsonpath={.items[0].status.podIP}')
  in_clone node -e "fetch('http://$address:8080/cgi-bin/hello', { signal: AbortSignal.timeout(10_000) })
    .then(async (answer) => { if (!answer.ok) throw new Error('status ' + answer.status); console.log(await answer.text()); })"
}

# Fails unless the machine holds just what it held before, and git sees no change.
check_nothing_left() {
  local after changed
  after=$(machine_counts)
  say "after:  ${after//$'\n'/, }"
  if [[ $after != "$before" ]]; then
    machine_contents >"$directory/contents.after"
    diff "$directory/contents.before" "$directory/contents.after" >&2 || true
    die "$1 left something behind"
  fi
  changed=$(in_clone git status --porcelain)
  [[ $changed == '' ]] || die "$1 left changes in the work tree: $changed"
}

# A function, so that bash has read it to its end when it starts: the file may change under a run that takes minutes.
main() {
  local before during answer
  make_root
  start_machine "$root" "fresh-$suite"
  install_prerequisites
  clone_repository
  before=$(machine_counts)
  machine_contents >"$directory/contents.before"
  say "before: ${before//$'\n'/, }"

  in_clone timeout "$quickstart_seconds" npm run quickstart || die "'npm run quickstart' failed"
  during=$(machine_counts)
  say "during: ${during//$'\n'/, }"
  [[ $during != "$before" ]] || die 'the cluster shows in no count: the counts are wrong'
  answer=$(answer_of_a_pod) || die 'no pod answered'
  say "a pod answered: $answer"
  in_clone timeout "$quickstart_seconds" npm run down || die "'npm run down' failed"
  check_nothing_left "'npm run down'"
  say "quickstart and down: ok after $((SECONDS - started)) s"

  if [[ $with_tests == yes ]]; then
    in_clone timeout "$test_seconds" npm test || die "'npm test' failed"
    check_nothing_left "'npm test'"
  fi
  say "$suite: passed in $((SECONDS - started)) s (quickstart, down$([[ $with_tests == no ]] || printf ', tests'))"
}
main; exit
