# shellcheck shell=bash
# An apt of a script's own, for packages that this machine isn't to have: checked against the archive's signatures, and this
# machine's packages and sources stay as they are. Sourced after settings.sh by the scripts in test/.

# private_apt DIR: standard input names what it reads, a line `MIRROR SUITE` each; apt works in DIR from here on. It has the ways
# to the mirrors that this machine's has, and no other settings. Others must be able to enter DIR's parents: apt downloads as a user of its own.
private_apt() {
  local directory=$1 mirror suite
  mkdir -p "$directory"/etc/apt/{apt.conf,preferences}.d "$directory"/var/lib/apt/lists/partial "$directory"/var/cache/apt/archives/partial "$directory/packages"
  while read -r mirror suite; do
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite"
  done >"$directory/etc/apt/sources.list"
  {
    printf 'Dir "%s";\nDir::State::status "/dev/null";\nAcquire::Languages "none";\n' "$directory"
    apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIPv)' || true
  } >"$directory/apt.conf"
  # As root apt downloads as a user of its own, who must get there.
  chmod 755 "$directory"
  [[ $(id -u) != 0 ]] || chown _apt "$directory/packages"
  export APT_CONFIG=$directory/apt.conf
  apt-get update -qq || say "not all of Debian's lists of packages can be read"
}
