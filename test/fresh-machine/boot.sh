#!/usr/bin/env bash
# The first process of a machine within this one: boot.sh ROOT HOSTNAME CGROUP-MOUNTS, in fresh namespaces. Mounts what a
# booted Debian has, makes ROOT the root, prints its pid as seen from outside and waits for the end of its input.
set -euo pipefail

root=$1 name=$2 cgroup_mounts=$3

hostname "$name"
# Still the outer /proc: this is the number by which others enter the machine.
read -r pid _ </proc/self/stat

# pivot_root wants a mount point; and a real root, not a chroot, since containers pivot in turn.
mount --bind "$root" "$root"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -t devtmpfs -o nosuid devtmpfs dev
mkdir -p dev/pts dev/shm
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs dev/shm
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs run

# The same hierarchies in the same places as outside; in this cgroup namespace they begin at the machine's own groups.
if grep -q '^cgroup ' <<<"$cgroup_mounts"; then mount -t tmpfs -o mode=0755 tmpfs sys/fs/cgroup; fi
while read -r type path options; do
  mkdir -p ".$path"
  if [[ $type == cgroup2 ]]; then
    mount -t cgroup2 cgroup2 ".$path"
  else
    # Of the super block's options only those that name the hierarchy: `rw` and the like are the mount's own business.
    chosen=$(tr , '\n' <<<"$options" | grep -vxE 'rw|ro|xattr|clone_children|cpuset_v2_mode|release_agent=.*' | paste -sd,)
    mount -t cgroup -o "${chosen/#name=/none,name=}" cgroup ".$path"
  fi
done <<<"$cgroup_mounts"

mkdir -p mnt
pivot_root . mnt
cd /
umount -l mnt

printf '%s\n' "$pid"
# Reading also lets bash reap what is orphaned to it, as a first process must.
while read -r _; do :; done
