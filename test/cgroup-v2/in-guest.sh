#!/usr/bin/env bash
# What test/cgroup-v2.sh runs in the guest. Its last word goes to the second serial line: `passed`, or what failed.
set -uo pipefail

# Emulation is some ten times slower than the machine.
export CORACLE_TEST_PATIENCE=10
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
failed=''

say() { printf 'cgroup-v2: %s\n' "$*"; }
attempt() {
  local name=$1 begun=$SECONDS
  shift
  say "$name"
  if "$@"; then say "$name: ok in $((SECONDS - begun)) s"; else say "$name: failed after $((SECONDS - begun)) s"; failed+="$name; "; fi
}
# Through `cat`: on a terminal vitest draws.
tests() { node_modules/node-linux-*/bin/node node_modules/vitest/vitest.mjs run "$@" </dev/null 2>&1 | cat; }

# A cgroup of the guest's, with processes in it, as the root of all: what a container has.
tests_in_container() {
  local group=/sys/fs/cgroup/container
  mkdir -p "$group"
  printf '+cpu +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
  (
    printf '%s' "$BASHPID" >"$group/cgroup.procs"
    # shellcheck disable=SC2016 # the inner shell's
    exec unshare --cgroup --mount -- bash -c 'umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && [[ -f /sys/fs/cgroup/cgroup.type ]] && "$@"' bash \
      node_modules/node-linux-*/bin/node node_modules/vitest/vitest.mjs run "$@" </dev/null
  ) 2>&1 | cat
}

everything() {
  local file runtime=() later=(test/e2e/user-namespaces.test.ts)
  attempt 'coracle doctor' bin/coracle doctor
  # Debian 12's kernel has no id-mapped mounts of memory.
  if ! bin/coracle doctor | grep -q '^ok   user namespaces: '; then
    say 'left out: pods with users of their own, which this kernel cannot have'
    later=()
  fi
  for file in test/runtime/*.test.ts; do
    case $file in
      # It looks on, as fast as it can, at every start: two emulated processors do nothing else then. It asks for nothing of cgroups.
      */onlooker.test.ts) ;;
      */users.test.ts) runtime+=(${later[0]:+"$file"}) ;;
      *) runtime+=("$file") ;;
    esac
  done
  attempt 'the runtime' tests --project unit "${runtime[@]}"
  attempt 'the runtime in a container' tests_in_container --project unit test/runtime/containers.test.ts test/runtime/sandboxes.test.ts
  attempt "the node agent's units" tests --project unit node-agent native cli/run
  attempt 'end to end' tests --project e2e "${later[@]}" test/e2e/isolation.test.ts test/e2e/disk-limits.test.ts test/e2e/node-resources.test.ts test/e2e/node/qos.test.ts test/e2e/node/resize.test.ts test/e2e/workload/resize.test.ts
}

# An address that isn't loopback's, as every machine has one.
ip link add uplink type veth peer name nowhere
ip address add 198.18.0.1/30 dev uplink
ip link set uplink up
ip route add default via 198.18.0.2 dev uplink

mapfile -t chosen <test/cgroup-v2/chosen
if [[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]]; then
  failed='no cgroup2 is on /sys/fs/cgroup; '
elif [[ ${#chosen[@]} == 0 ]]; then
  everything
elif [[ ${chosen[0]} == --in-container ]]; then
  attempt 'the chosen tests in a container' tests_in_container "${chosen[@]:1}"
else
  attempt 'the chosen tests' tests "${chosen[@]}"
fi
printf '%s\n' "${failed:-passed}" >/dev/ttyS1
[[ $failed == '' ]]
