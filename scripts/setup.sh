#!/bin/sh
# Makes .venv with the locked dependencies. Needs Python 3.11 or newer and nothing else; says what it does.
set -eu
cd "$(dirname "$0")/.."
uv_version=0.13.9

say() { printf 'setup: %s\n' "$*"; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say 'no Python 3.11 or newer found (tried python3, python3.14 to python3.11); install one, for example' >&2
    say '  Debian, Ubuntu: apt-get install python3 python3-venv     macOS: brew install python@3.13' >&2
    exit 1
}

# Debian and Ubuntu keep the part of Python that makes environments in a package of its own.
install_venv_module() {
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    packages="python$version-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "this Python cannot make environments; installing $packages"
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$packages" >/dev/null
    else
        say "this Python cannot make environments; run: sudo apt-get install $packages" >&2
        exit 1
    fi
}

if ! new_enough .venv/bin/python; then
    python=$(find_python)
    say "making .venv with $("$python" --version 2>&1) ($python)"
    rm -rf .venv
    "$python" -c 'import ensurepip' 2>/dev/null || install_venv_module
    "$python" -m venv .venv
fi
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    say "installing uv $uv_version into .venv"
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    .venv/bin/python -m pip install -q --disable-pip-version-check "uv==$uv_version"
fi
# inexact: uv and pip, which no lock names, stay.
say 'installing what uv.lock names into .venv'
UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv .venv/bin/uv sync -q --locked --inexact --all-extras --compile-bytecode --python .venv/bin/python
touch .venv/.ready
say 'done'
