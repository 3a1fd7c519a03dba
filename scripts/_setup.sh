# Shared by the scripts beside it (sourced, never run): finds a Python, makes .venv, installs this checkout into it.
# Sets ROOT and PYTHON. `setup NAME EXTRAS` installs `.[EXTRAS]` when pyproject.toml changed since the last time.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export PIP_DISABLE_PIP_VERSION_CHECK=1
export PYTHONUTF8=1

_is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local name
  for name in ${AUTOGEN_PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
    if command -v "$name" >/dev/null 2>&1 && _is_new_enough "$name"; then
      command -v "$name"
      return 0
    fi
  done
  echo "autogen needs Python 3.11 or newer and found none; install one, or name it: AUTOGEN_PYTHON=/path/to/python3" >&2
  return 1
}

_digest() {
  "$PYTHON" - "$ROOT/pyproject.toml" "$1" <<'PY'
import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read() + sys.argv[2].encode() + sys.version.encode()).hexdigest())
PY
}

# setup NAME EXTRAS: one stamp for each NAME, so that `scripts/run` needs no developer tools.
setup() {
  local name="$1" extras="$2" base stamp want log
  PYTHON="$ROOT/.venv/bin/python"
  if ! { [ -x "$PYTHON" ] && _is_new_enough "$PYTHON"; }; then
    base="$(find_python)"
    echo "making .venv with $("$base" --version)" >&2
    if ! "$base" -m venv --clear "$ROOT/.venv" >&2; then
      echo "could not make a virtual environment with $base; on Debian or Ubuntu: apt-get install python3-venv" >&2
      return 1
    fi
  fi
  stamp="$ROOT/.venv/.setup-$name"
  want="$(_digest "$extras")"
  if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    echo "installing this checkout with the extras: $extras" >&2
    log="$ROOT/.venv/setup-$name.log"
    if ! "$PYTHON" -m pip install --editable "$ROOT[$extras]" >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      echo "the installation failed; the whole log is $log" >&2
      return 1
    fi
    printf '%s\n' "$want" >"$stamp"
  fi
}

# bubblewrap is the strongest sandbox without a container; its tests skip, and say so, where it cannot be had.
offer_bubblewrap() {
  if command -v bwrap >/dev/null 2>&1 || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    return 0
  fi
  if ! { apt-get install -y bubblewrap || { apt-get update && apt-get install -y bubblewrap; }; } >/dev/null 2>&1; then
    echo "note: bubblewrap could not be installed; the tests of that sandbox are skipped" >&2
  fi
}
