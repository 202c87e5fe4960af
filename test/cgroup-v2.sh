#!/usr/bin/env bash
# Runs the node's tests on a machine that has cgroup v2 alone, as Debian has had it since 11: in a qemu guest with Debian's kernel
# and systemd, whatever this machine has.
#
#   test/cgroup-v2.sh [--newer-kernel] [[--in-container] VITEST-ARGUMENT...]
#
# Without arguments: `coracle doctor`, the runtime's tests (again in a cgroup namespace, as in a container), the node agent's units,
# and the end-to-end files on isolation, limits and resizes. With arguments: what `vitest run` makes of them, such as
# `--project unit test/runtime/users.test.ts`. --newer-kernel takes Debian's backport of the kernel.
#
# qemu and the kernel are downloaded into a temporary directory (checked by apt; this machine's packages stay as they are), and so
# is the guest's Debian; the work tree goes in as it is here, set up. The guest has no network, and its processor is emulated, so
# that any machine will do: it takes long. Needs root, debootstrap and e2fsprogs. Not part of `npm test`.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
# shellcheck source=test/fresh-machine/settings.sh
source "$here/fresh-machine/settings.sh"
# shellcheck source=test/fresh-machine/apt.sh
source "$here/fresh-machine/apt.sh"

guest_seconds=10800
guest_memory=3G
disk_size=6G
started=$SECONDS

say() { printf 'cgroup-v2: %s\n' "$*"; }
die() { printf 'cgroup-v2: %s\n' "$*" >&2; exit 1; }

newer_kernel=no
if [[ ${1:-} == --newer-kernel ]]; then newer_kernel=yes; shift; fi
[[ $(id -u) == 0 ]] || die 'makes a Debian root, which takes root: run it with sudo'
for tool in debootstrap mke2fs apt-get dpkg-deb git; do
  command -v "$tool" >/dev/null || die "'$tool' is missing: install debootstrap, e2fsprogs and git"
done
[[ $(uname -m) == x86_64 ]] || die 'only guests of x86_64 are known here'

directory=$(mktemp -d "${TMPDIR:-/tmp}/cgroup-v2.XXXXXX")
# As root apt downloads as a user of its own, who must get there.
chmod 755 "$directory"
root=$directory/root tools=$directory/qemu
guest=''

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
  local status=$?
  trap - EXIT INT TERM
  set +e
  if [[ $guest != '' ]]; then kill "$guest" 2>/dev/null; wait "$guest" 2>/dev/null; fi
  rm -rf --one-file-system "$directory"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# This machine's own release: what is compiled here then runs there.
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
mirror=$(archive_mirror) || die "cannot tell from apt's sources where this machine gets Debian's packages: is it a Debian?"
security=$(security_mirror)

# What the project asks for, and what only a guest needs. netavark: the container-network-stack that skopeo's package depends on,
# a name that several packages provide and debootstrap can't look up.
packages() {
  node --input-type=module -e "
    import { packages } from '$repository/setup/packages.mjs';
    console.log(packages.filter(({ need }) => need !== 'bench').map(({ name }) => name).join(','));"
  printf 'systemd-sysv,kmod,cpio,netavark,libstdc++6,libatomic1\n'
}

# debootstrap mounts /proc in the root that it makes: in a mount namespace of its own these go even when it dies half-way.
make_root() {
  say "making a minimal $codename"
  unshare --mount --propagation private -- \
    debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --include="$(packages | paste -sd ,)" \
    "$codename" "$root" "$mirror" >"$directory/debootstrap.log" 2>&1 ||
    { tail -n 20 "$directory/debootstrap.log" >&2; die 'debootstrap failed'; }
}

# Sets $kernel and $release. The package that is asked for only names the one with the kernel in it.
get_kernel() {
  local package suite=''
  if [[ $newer_kernel == yes ]]; then suite=$codename-backports; fi
  package=$(apt-cache depends "linux-image-cloud-amd64${suite:+/$suite}" | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
  say "getting $package"
  (cd "$directory/apt/packages" && apt-get download -qq "$package")
  dpkg-deb --extract "$directory"/apt/packages/linux-image-*.deb "$directory/kernel"
  kernel=$(printf '%s\n' "$directory"/kernel/boot/vmlinuz-*)
  release=${kernel##*/vmlinuz-}
  mv "$directory/kernel/lib/modules" "$root/usr/lib/modules"
  chroot "$root" depmod "$release"
}

# With all that it links, so that nothing here has to fit it.
get_qemu() {
  say 'getting qemu'
  apt-get install -qq --download-only --no-install-recommends qemu-system-x86 >"$directory/apt.log" 2>&1 || { tail -n 20 "$directory/apt.log" >&2; die 'downloading qemu failed'; }
  # As Debian's base-files has them; some packages say /lib, some /usr/lib.
  mkdir -p "$tools"/usr/{bin,sbin,lib,lib64}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$tools/$name"; done
  for package in "$directory"/apt/var/cache/apt/archives/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -C "$tools" --keep-directory-symlink -xf -; done
}

run_qemu() {
  local libraries=$tools/usr/lib/x86_64-linux-gnu
  QEMU_MODULE_DIR=$libraries/qemu exec timeout "$guest_seconds" "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$tools/usr/bin/qemu-system-x86_64" \
    -L "$tools/usr/share/qemu" -L "$tools/usr/share/seabios" "$@"
}

# What git knows of or would, and what set-up makes of it.
copy_work_tree() {
  local to=$root/root/coracle
  mkdir "$to"
  git -C "$repository" ls-files -z --cached --others --exclude-standard | tar -C "$repository" --null --files-from=- --ignore-failed-read -cf - | tar -C "$to" -xf -
  cp -a "$repository/node_modules" "$to/"
  # Roots that tests have made are large, and nothing there makes use of them.
  tar -C "$repository" --exclude=generated/debian-roots -cf - generated | tar -C "$to" -xf -
  # Their times too: the guest need not compile again.
  cp -a "$repository/native/." "$to/native/"
  cp "$to/test/cgroup-v2/coracle-tests.service" "$root/etc/systemd/system/"
  if (($# > 0)); then printf '%s\n' "$@"; fi >"$to/test/cgroup-v2/chosen"
}

make_initramfs() {
  local tree=$root/initramfs
  mkdir -p "$tree"/{bin,dev,root,modules}
  cp "$root/bin/busybox" "$tree/bin/"
  cp "$here/cgroup-v2/init.sh" "$tree/init"
  chroot "$root" modprobe --set-version "$release" --all --show-depends virtio_pci virtio_blk | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
    while read -r module; do
      cp "$root$module" "$tree/modules/"
      module=${module##*/}
      # Newer kernels' are compressed, and busybox loads none of these.
      if [[ $module == *.xz ]]; then chroot "$root" busybox unxz "/initramfs/modules/$module"; fi
      printf '%s\n' "${module%.xz}"
    done >"$tree/modules/order"
  chroot "$root" sh -euc 'cd /initramfs; find . | cpio --quiet -o -H newc' >"$directory/initramfs"
  rm -rf "$tree"
}

make_disk() {
  say 'making the guest'
  printf 'guest\n' >"$root/etc/hostname"
  printf '127.0.0.1 localhost guest\n' >"$root/etc/hosts"
  : >"$root/etc/machine-id"
  mke2fs -q -t ext4 -d "$root" "$directory/disk" "$disk_size"
  rm -rf --one-file-system "$root"
}

# Boots it and waits for its end. Its console is printed as it comes; what became of the tests is its word on the second line.
run_guest() {
  local word
  say "booting Linux $release"
  # Without cmpxchg16b and protection keys: of what qemu 7 emulates of them Linux 6.12 dies, and V8 may.
  run_qemu -accel tcg,thread=multi -cpu max,cx16=off,pku=off -smp 2 -m "$guest_memory" -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$kernel" -initrd "$directory/initramfs" -drive "file=$directory/disk,format=raw,if=virtio,cache=unsafe" -serial stdio -serial "file:$directory/word" \
    -append 'console=ttyS0 loglevel=3 panic=-1 no_timer_check mitigations=off systemd.unit=coracle-tests.service systemd.unified_cgroup_hierarchy=1 systemd.firstboot=off systemd.show_status=no' \
    </dev/null &
  guest=$!
  # 124: time was up.
  wait "$guest" || die "qemu ended with $?"
  guest=''
  word=$(tr -d '\r' <"$directory/word")
  [[ $word == passed ]] || die "failed on cgroup v2: ${word:-the guest ended without a word}"
}

# A function, so that bash has read it to its end when it starts: the file may change under a run that takes long.
main() {
  node "$repository/setup/setup.mjs"
  # Compiled here, where the processor is no emulated one.
  make -C "$repository/native" sanitized >"$directory/make.log" 2>&1 || { tail -n 20 "$directory/make.log" >&2; die 'the C programs do not build'; }
  make_root
  private_apt "$directory/apt" < <(
    printf '%s %s\n' "$mirror" "$codename"
    if [[ $security != '' ]]; then printf '%s %s-security\n' "$security" "$codename"; fi
    if [[ $newer_kernel == yes ]]; then printf '%s %s-backports\n' "$mirror" "$codename"; fi
  )
  get_kernel
  get_qemu
  copy_work_tree "$@"
  make_initramfs
  make_disk
  run_guest
  say "passed in $((SECONDS - started)) s"
}
main "$@"; exit
