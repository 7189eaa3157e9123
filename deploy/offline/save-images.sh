#!/bin/sh
# On a machine with docker and the network: pulls the images of images.txt, builds the gateway's out of this kit, and
# saves all of them into images-ARCHITECTURE.tar beside it. Carry that file together with the kit.
set -eu
cd "$(dirname "$0")"
machine=$(sed -n 's/^ *"architecture": "\(.*\)",*$/\1/p' kit.json)
case $machine in x86_64) platform=linux/amd64 ;; aarch64) platform=linux/arm64 ;; *) echo "save-images: $machine?" >&2; exit 1 ;; esac
engine=${ENGINE:-docker}

names=''
while read -r how image; do
    case $how in
    pull) echo "save-images: pulling $image ($platform)"; "$engine" pull -q --platform "$platform" "$image"; names="$names $image" ;;
    base) echo "save-images: pulling $image ($platform)"; "$engine" pull -q --platform "$platform" "$image" ;;
    esac
done <images.txt
while read -r how image; do
    [ "$how" = build ] || continue
    echo "save-images: building $image"
    "$engine" build -q --platform "$platform" --network none -t "$image" .
    names="$names $image"
done <images.txt
echo "save-images: saving$names"
# Word splitting is meant: no name of an image has a space.
# shellcheck disable=SC2086
"$engine" save -o "images-$machine.tar" $names
sha256sum "images-$machine.tar" >"images-$machine.tar.sha256"
echo "save-images: done: images-$machine.tar; carry it and images-$machine.tar.sha256 with the kit"
