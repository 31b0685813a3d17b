# Shared by the scripts: messages, what the machine must have, and downloads into the cache.
#
# Usage: source it. Everything that these functions say goes to stderr, so that a script's stdout is its result.
#
# Downloads come from the Python package index through pip as it is configured here. They are kept, unpacked, in
# ${XDG_CACHE_HOME:-~/.cache}/flinkmem/ and are never fetched twice.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/flinkmem

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# install_package PACKAGE WHY: with apt-get, where this user may.
install_package() {
  if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    say "missing: $2; installing $1"
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1" >&2 && return
    DEBIAN_FRONTEND=noninteractive apt-get update >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1" >&2 && return
    die "could not install $1; $2 is missing"
  fi
  die "missing: $2; install it (Debian: apt-get install $1) and run this again"
}

need_pip() {
  command -v python3 >/dev/null || install_package python3 "python3"
  python3 -m pip --version >/dev/null 2>&1 || install_package python3-pip "pip for python3"
}

need_flock() { command -v flock >/dev/null || install_package util-linux "flock"; }

# A JDK 17: the lab compiles its Java with its javac and runs a quarter of its tests on it.
need_javac() {
  local release
  [ -x "${JAVA_HOME_17:-}/bin/javac" ] && return
  for release in /usr/lib/jvm/*/release; do
    grep -qs '^JAVA_VERSION="17\.' "$release" && [ -x "${release%/release}/bin/javac" ] && return
  done
  install_package openjdk-17-jdk-headless "a JDK 17 with javac"
}

# The allocator that official Flink images preload. Without it a few tests say that they are skipped.
want_jemalloc() {
  compgen -G "/usr/lib*/*/libjemalloc.so.2" >/dev/null || compgen -G "/usr/lib*/libjemalloc.so.2" >/dev/null && return
  (install_package libjemalloc2 "jemalloc 2, for the tests with a preloaded allocator") || true
}

# What reads what the command line writes for it. Where one cannot be had, its tests say that they are skipped.
want_readers() {
  local program
  for program in mandoc fish zsh; do
    command -v "$program" >/dev/null || (install_package "$program" "$program, for what the command line writes for it") || true
  done
}
# A Prometheus that scrapes what `flinkmem serve` tells. Without it a few tests say that they are skipped.
want_prometheus() { (scripts/fetch-prometheus >/dev/null) || true; }

# A browser without a window, for the tests of HTML reports. Without it they say that they are skipped.
want_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && return
  done
  (install_package chromium "Chromium, for the tests of HTML reports") || true
}

need_rust() {
  command -v cc >/dev/null || install_package build-essential "a C compiler and linker"
  command -v cargo >/dev/null || die "missing: cargo; install Rust from https://rustup.rs and run this again"
}

# pinned TABLE NAME: the sha256 of a known download, or nothing.
pinned() { awk -v name="$2" '$1 == name { print $2 }' <<<"$1"; }

# requirement PACKAGE VERSION SHA256: a line for pip, which refuses a download that does not match the hash.
requirement() {
  if [ -n "$3" ]; then
    printf '%s==%s --hash=sha256:%s\n' "$1" "$2" "$3"
  else
    say "no checksum is pinned for $1 $2 on this machine; relying on pip's own check"
    printf '%s==%s\n' "$1" "$2"
  fi
}

# cached NAME FILL: the directory NAME in the cache, filled by `FILL DIRECTORY` if it is not there yet. It appears whole
# or not at all, whoever else runs this at the same time.
cached() {
  local target=$cache/$1 fill=$2 lock
  if [ ! -d "$target" ]; then
    need_flock
    mkdir -p "$cache"
    exec {lock}>"$cache/$1.lock"
    flock "$lock"
    if [ ! -d "$target" ]; then
      fresh=$(mktemp -d "$cache/$1.XXXXXX")
      trap 'rm -rf "$fresh"' EXIT
      "$fill" "$fresh"
      mv -T "$fresh/content" "$target"
      rm -rf "$fresh"
      trap - EXIT
    fi
    exec {lock}>&-
  fi
  printf '%s\n' "$target"
}
