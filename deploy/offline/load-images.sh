#!/bin/sh
# On the machine inside: checks and loads images-ARCHITECTURE.tar that save-images.sh made outside.
set -eu
cd "$(dirname "$0")"
machine=$(sed -n 's/^ *"architecture": "\(.*\)",*$/\1/p' kit.json)
engine=${ENGINE:-docker}
[ -f "images-$machine.tar" ] || { echo "load-images: images-$machine.tar is not here; save-images.sh makes it outside" >&2; exit 1; }
sha256sum --quiet -c "images-$machine.tar.sha256" || { echo 'load-images: the file is not what was saved; copy it again' >&2; exit 1; }
"$engine" load -q -i "images-$machine.tar"
echo 'load-images: done; next: docs/operations.md, "Installing"'
