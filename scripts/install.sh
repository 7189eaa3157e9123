#!/bin/sh
# Installs the gateway into a folder of its own: scripts/install.sh /opt/hygeia
# Exactly what the lock names, and this project as a wheel: the steps of the Dockerfile. Needs Python 3.11 or newer (PYTHON=…).
set -eu
[ $# -eq 1 ] || { echo 'usage: scripts/install.sh FOLDER' >&2; exit 2; }
case $1 in /*) target=$1 ;; *) target=$PWD/$1 ;; esac
python=${PYTHON:-python3}
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
if [ ! -x "$uv" ]; then
    room=$(mktemp -d)
    trap 'rm -rf "$room"' EXIT
    "$python" -m venv "$room"
    "$room/bin/python" -m pip install -q --disable-pip-version-check uv==0.13.9
    uv=$room/bin/uv
fi
UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$target UV_LINK_MODE=copy \
    "$uv" sync -q --locked --no-dev --extra print --no-editable --compile-bytecode --python "$python"
"$target/bin/hygeia" --version
