#!/bin/sh
# Installs Hygeia from this kit into a folder of its own. Asks no network. Needs CPython of a version the kit has wheels for.
#   ./install.sh [FOLDER]          default /opt/hygeia; PYTHON=/path/to/python3 chooses the Python
set -eu
kit=$(cd "$(dirname "$0")" && pwd)
folder=${1:-/opt/hygeia}

say() { printf 'install: %s\n' "$*"; }
stop() { printf 'install: %s\n' "$*" >&2; exit 1; }

have=$(cd "$kit/requirements" && ls | sed -n 's/^python-\(.*\)\.txt$/\1/p' | sort -t. -k2 -rn)
chosen=''
for version in $have; do
    for candidate in ${PYTHON:-python$version python3}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        found=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        [ "$found" = "$version" ] || continue
        chosen=$(command -v "$candidate")
        break 2
    done
done
[ -n "$chosen" ] || stop "no Python of a version this kit has wheels for: $(echo $have); install one, or PYTHON=/path ./install.sh"
wanted=$(sed -n 's/^ *"architecture": "\(.*\)",*$/\1/p' "$kit/kit.json")
machine=$("$chosen" -c 'import platform; print(platform.machine())')
[ "$machine" = "$wanted" ] || stop "this kit is for $wanted, this machine is $machine"

say 'checking SHA256SUMS'
(cd "$kit" && sha256sum --quiet -c SHA256SUMS) || stop 'a file of the kit is not what was packed; copy the kit again'
say "Python $version ($chosen)"
[ -x "$folder/bin/python" ] || "$chosen" -m venv --without-pip "$folder"
there=$("$folder/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$there" = "$version" ] || stop "$folder has Python $there, chosen was $version; PYTHON=python$there, or another folder"
say "installing $(grep -c . "$kit/requirements/python-$version.txt") packages into $folder"
# pip runs out of its own wheel; nothing but the kit's wheels is looked at, each checked by its hash.
pip=$(ls "$kit"/tools/pip-*.whl)
PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 "$folder/bin/python" "$pip/pip" --isolated install -q --no-index --no-deps \
    --no-compile --no-cache-dir --disable-pip-version-check --find-links "$kit/wheels" --require-hashes \
    -r "$kit/requirements/python-$version.txt"
if [ "${COMPILE:-1}" = 1 ]; then
    say 'compiling (COMPILE=0 leaves it to the first start)'
    "$folder/bin/python" -m compileall -q -j 0 "$folder/lib" >/dev/null || true
fi
"$folder/bin/hygeia" --version
say "done; try: $folder/bin/hygeia demo      then docs/operations.md"
