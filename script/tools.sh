# shellcheck shell=bash
# Sourced by the scripts beside it: the tools they need, installed when they are missing. What is
# not a Debian package goes to the user's cache, never into the checkout.

readonly BUF_VERSION=1.75.0

cache=${XDG_CACHE_HOME:-$HOME/.cache}/boxoffice
mkdir -p "$cache"

say() { printf '%s\n' "$*" >&2; }

die() {
  say "${0##*/}: $*"
  exit 1
}

# Runs a command while no other run of these scripts installs anything.
alone() {
  local status=0 lock
  exec {lock}>"$cache/install.lock"
  flock "$lock"
  "$@" {lock}>&- || status=$?
  exec {lock}>&-
  return "$status"
}

# Installs Debian packages.
install_packages() {
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=300)
  local command=("${apt[@]}" install --no-install-recommends "$@")
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "missing: $*; as root, run: apt-get install $*"
    apt=(sudo -n "${apt[@]}")
    command=(sudo -n "${command[@]}")
  fi
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  # A machine that has never fetched the package lists finds nothing at the first attempt.
  {
    "${command[@]}" || { "${apt[@]}" update && "${command[@]}"; }
  } >"$cache/apt-get.log" 2>&1 || {
    tail -n 20 "$cache/apt-get.log" >&2
    die "apt-get could not install $*"
  }
}

# Prints the path of buf, which checks the protos and is the client of another language.
ensure_buf() {
  find_buf >/dev/null || alone install_buf >&2 || die "npm could not install buf $BUF_VERSION"
  find_buf || die "buf $BUF_VERSION is not for this machine ($(uname -sm))"
}

find_buf() {
  local buf
  # The npm package's own `buf` is a wrapper; the program is in a package named after the platform.
  for buf in "$cache"/node/node_modules/@bufbuild/buf-*/bin/buf; do
    [[ -x $buf && $("$buf" --version 2>/dev/null) == "$BUF_VERSION" ]] || continue
    printf '%s\n' "$buf"
    return
  done
  return 1
}

install_buf() {
  find_buf >/dev/null && return
  command -v npm >/dev/null || install_packages npm
  say "installing buf $BUF_VERSION"
  npm install --prefix "$cache/node" --no-save --ignore-scripts --no-audit --no-fund \
    --loglevel=error "@bufbuild/buf@$BUF_VERSION" >/dev/null
}

# Prints the path of a Python that has the packages of a requirements file.
ensure_python() { # REQUIREMENTS
  local digest
  digest=$(sha256sum "$1") || die "cannot read $1"
  local home=$cache/python-${digest:0:16}
  [[ -e $home/complete ]] || alone install_python "$home" "$1" >&2 ||
    die "pip could not install what $1 lists"
  printf '%s\n' "$home/bin/python"
}

install_python() { # HOME REQUIREMENTS
  [[ -e $1/complete ]] && return
  command -v python3 >/dev/null || install_packages python3 python3-venv
  say "installing the Python packages of ${2##*/}"
  python3 -m venv --clear "$1" >/dev/null 2>&1 || {
    install_packages python3-venv && python3 -m venv --clear "$1"
  } || return
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2" &&
    touch "$1/complete"
}

# Makes sure that there are a C compiler, which the database and the cryptography are built with,
# and the parts of the Rust toolchain that format and lint.
ensure_compilers() {
  if ! command -v cc >/dev/null || ! command -v make >/dev/null; then
    install_packages gcc libc6-dev make
  fi
  command -v cargo >/dev/null || die "there is no cargo; install Rust from https://rustup.rs"
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    say "installing rustfmt and clippy"
    rustup --quiet component add rustfmt clippy >&2 || die "rustup could not install them"
  fi
}

# Prints the folder of PostgreSQL's programs, the newest version's if there are several.
ensure_postgres() {
  find_postgres >/dev/null || install_packages postgresql
  find_postgres || die "PostgreSQL is installed but has no initdb below /usr/lib/postgresql"
}

find_postgres() {
  local initdb newest=
  while read -r initdb; do
    [[ -x $initdb ]] && newest=$initdb
  done < <(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V)
  [[ -n $newest ]] || newest=$(command -v initdb) || return 1
  dirname "$newest"
}
