# shellcheck shell=bash
# A machine within this one: a Debian root in pid, mount, network, uts, ipc and cgroup namespaces of its own. All that it is
# can be counted without meeting what else runs here, and ends with its first process. Sourced by test/fresh-machine.sh.

machine_pid='' machine_cgroups=() machine_table='' machine_link=''

# This machine's cgroup mounts, a line `TYPE PATH SUPER-OPTIONS` each.
cgroup_mounts() {
  awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup2?$/) print $(i + 1), $5, $(i + 3) }' /proc/self/mountinfo
}

# start_machine ROOT HOSTNAME
start_machine() {
  local root=$1 name=$2
  machine_link=fresh$$
  printf '%s\n' "$name" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$name" >"$root/etc/hosts"
  make_cgroups
  # The machine's first process waits at the end of this pipe: when this script ends, however it does, so does the machine.
  coproc MACHINE {
    enter_cgroups ''
    exec unshare --mount --propagation private --uts --ipc --net --pid --cgroup --fork --kill-child -- \
      bash "$here/fresh-machine/boot.sh" "$root" "$name" "$(cgroup_mounts)"
  }
  machine_job=$MACHINE_PID machine_life=${MACHINE[1]}
  read -r -t 30 machine_pid <&"${MACHINE[0]}" || die 'the machine did not boot'
  settle_cgroups
  connect_machine
}

# A cgroup per hierarchy that becomes the machine's root, with a leaf for its processes.
make_cgroups() {
  local type path options group
  while read -r type path options; do
    group=$path/$machine_link
    mkdir "$group"
    machine_cgroups+=("$group")
    if [[ $type == cgroup && ,$options, == *,cpuset,* ]]; then
      # An empty cpuset holds no process, and children start empty unless told to copy their parent.
      cat "$path/cpuset.cpus" >"$group/cpuset.cpus"
      cat "$path/cpuset.mems" >"$group/cpuset.mems"
      printf 1 >"$group/cgroup.clone_children"
    fi
    mkdir "$group/init"
  done < <(cgroup_mounts)
}

# Moves the calling (sub)shell into the machine's cgroups: to their leaf `/init`, or, with '', to the groups themselves.
enter_cgroups() {
  local group
  for group in "${machine_cgroups[@]}"; do printf '%s' "$BASHPID" >"$group$1/cgroup.procs"; done
}

# A cgroup namespace begins where its first process is, so the machine starts in the groups themselves and moves down after:
# on cgroup v2 a group that hands controllers down may hold no process.
settle_cgroups() {
  local group process
  for group in "${machine_cgroups[@]}"; do
    for process in "$machine_job" "$machine_pid"; do printf '%s' "$process" >"$group/init/cgroup.procs"; done
    if [[ -f $group/cgroup.subtree_control ]]; then sed 's/[^ ]\+/+&/g' "$group/cgroup.controllers" >"$group/cgroup.subtree_control"; fi
  done
}

# Gives the machine a way to the registries: a link to this machine, and its addresses hidden behind this machine's. The
# addresses are those set aside for such test links (RFC 2544), so that they meet no real network.
connect_machine() {
  local number=$(($$ % 16384)) near far
  near=198.18.$((number / 64)).$((number % 64 * 4 + 1)) far=198.18.$((number / 64)).$((number % 64 * 4 + 2))
  ip link add "$machine_link" type veth peer name eth0 netns "$machine_pid"
  ip address add "$near/30" dev "$machine_link"
  ip link set "$machine_link" up
  nsenter --target "$machine_pid" --net -- sh -euc "
    ip link set lo up
    ip address add $far/30 dev eth0
    ip link set eth0 up
    ip route add default via $near"
  machine_table=$machine_link
  nft -f - <<RULES
table ip $machine_table {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr $far oifname != "$machine_link" masquerade
  }
}
RULES
  # Stays on, as after a cluster: who else relies on it by then can't be known.
  printf 1 >/proc/sys/net/ipv4/ip_forward
}

# Runs a command in the machine, as root who has just logged in.
inside() {
  local variables
  mapfile -t variables < <(network_environment)
  (
    enter_cgroups /init
    exec nsenter --target "$machine_pid" --mount --uts --ipc --net --pid --cgroup --root --wd=/root -- \
      env -i --chdir=/root HOME=/root USER=root LOGNAME=root "TERM=${TERM:-dumb}" \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${variables[@]}" "$@"
  ) </dev/null
}

# What the machine holds, a line each, sorted: `KIND: WHAT`.
machine_contents() {
  local pid
  {
    # By cgroup, not by pid namespace: pods have namespaces of their own. `unshare`, which waits for the machine, is not in it.
    while read -r pid; do
      if [[ $pid != "$machine_job" && -r /proc/$pid/cmdline ]]; then printf 'processes: %s\n' "$(tr '\0' ' ' <"/proc/$pid/cmdline" || true)"; fi
    done < <(find "${machine_cgroups[@]}" -name cgroup.procs -exec cat {} + | sort -u)
    # `ip netns add` mounts the directory of namespaces once and for all; what is in it is counted.
    awk '$5 != "/run/netns" { print "mounts: " $5 }' "/proc/$machine_pid/mountinfo"
    nsenter --target "$machine_pid" --net -- ip -o link | awk -F': ' '{ print "network devices: " $2 }'
    nsenter --target "$machine_pid" --net -- nft list tables | sed 's/^/nftables tables: /'
    find "${machine_cgroups[@]}" -mindepth 1 -type d -printf 'cgroups: %p\n'
  } | sort
}

# The number of each kind, a line each.
machine_counts() {
  local contents kind
  contents=$(machine_contents)
  for kind in processes mounts 'network devices' 'nftables tables' cgroups; do
    printf '%s %s\n' "$(grep -c "^$kind: " <<<"$contents" || true)" "$kind"
  done
}

# Ends the machine and removes what it took here. Safe to call when it never started.
stop_machine() {
  local group
  if [[ ${machine_life:-} != '' ]]; then
    exec {machine_life}>&-
    # The kernel ends all that is in the pid namespace with its first process.
    wait "$machine_job" || true
  fi
  if [[ $machine_table != '' ]]; then nft delete table ip "$machine_table"; fi
  if ip link show dev "$machine_link" >/dev/null 2>&1; then ip link delete "$machine_link"; fi
  for group in "${machine_cgroups[@]}"; do find "$group" -depth -type d -exec rmdir {} \; ; done
}
