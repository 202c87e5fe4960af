# shellcheck shell=bash
# How this machine reaches Debian's packages and the npm registry, carried over into a root at run time: mirrors, proxies and
# certificate authorities belong to the machine, not to the repository. Sourced by test/fresh-machine.sh.

# The host's apt repositories: a line `URI SUITE` each.
apt_repositories() {
  # shellcheck disable=SC2016 # apt replaces these, not the shell
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u
}

# Where the host gets Debian itself from; fails when it has no such source.
archive_mirror() {
  local codename
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  apt_repositories | awk -v suite="$codename" '$2 == suite && $1 ~ /debian/ { print $1; found = 1; exit } END { exit !found }'
}

# ... and its security updates; prints nothing when it takes none.
security_mirror() {
  apt_repositories | awk '$2 ~ /-security$/ { print $1; exit }'
}

# copy_settings ROOT SUITE
copy_settings() {
  local root=$1 suite=$2 security
  rm -f "$root/etc/apt/sources.list"
  security=$(security_mirror)
  {
    printf 'deb %s %s main\ndeb %s %s-updates main\n' "$(archive_mirror)" "$suite" "$(archive_mirror)" "$suite"
    [[ $security == '' ]] || printf 'deb %s %s-security main\n' "$security" "$suite"
  } >"$root/etc/apt/sources.list"
  # Proxies and what else it takes to reach the mirror; not what packages of the host configured.
  apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIPv)' >"$root/etc/apt/apt.conf.d/90host" || true
  copy_npm_settings "$root"
  mkdir -p "$root/usr/local/share/ca-certificates"
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$root/usr/local/share/ca-certificates/" \;
  copy_resolver "$root"
}

copy_npm_settings() {
  local root=$1 file
  install -m 600 /dev/null "$root/root/.npmrc"
  # The global file first: of two lines for one setting npm takes the later one.
  for file in "$(npm config get globalconfig)" "$(npm config get userconfig)"; do
    if [[ -f $file ]]; then cat "$file" >>"$root/root/.npmrc"; fi
  done
}

copy_resolver() {
  local root=$1 from=/etc/resolv.conf
  # A stub on the host's loopback answers nobody in another network namespace; the file behind it names the real servers.
  if grep -q '^nameserver 127\.' "$from" && [[ -f /run/systemd/resolve/resolv.conf ]]; then from=/run/systemd/resolve/resolv.conf; fi
  rm -f "$root/etc/resolv.conf"
  cp "$from" "$root/etc/resolv.conf"
}

# copy_node ROOT: this machine's Node and npm, for a Debian whose own is too old.
copy_node() {
  local root=$1 node npm
  node=$(node -p process.execPath)
  npm=$(npm root --global)/npm
  [[ -d $npm ]] || die "cannot find npm's files at $npm"
  [[ $(node -p 'process.versions.node.split(".")[0]') -ge 20 ]] || die "this machine's Node is $(node --version): 20 or newer is needed"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp "$node" "$root/usr/local/bin/node"
  cp -R "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
}

# Assignments, one a line, of the variables that lead to registries. Nothing else of this environment goes in.
network_environment() {
  local name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [[ ${!name:-} != '' ]]; then printf '%s=%s\n' "$name" "${!name}"; fi
  done
  # Those name files: only where ca-certificates puts them in any Debian.
  for name in NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR; do
    if [[ ${!name:-} == /etc/ssl/certs* ]]; then printf '%s=%s\n' "$name" "${!name}"; fi
  done
}
