#!/bin/sh
# Installs the servers that some tests need, where it may (Debian or Ubuntu, root); else names the command.
# With --try a server that cannot be had is no failure: its tests skip and say so.
set -eu

missing=''
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v mosquitto_pub >/dev/null || missing="$missing mosquitto-clients"
command -v influxd >/dev/null || missing="$missing influxdb"
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$(find /usr/share/fonts /Library/Fonts /System/Library/Fonts -name '*CJK*' -o -name 'PingFang*' 2>/dev/null | head -n 1)" ] ||
    missing="$missing fonts-noto-cjk"
missing=${missing# }
[ -n "$missing" ] || { echo 'servers: all there'; exit 0; }

failed() {
    echo "servers: $1"
    [ "${2:-}" = --try ] && exit 0
    exit 1
}

if [ "$(uname)" = Darwin ]; then
    failed 'missing; run: brew install mosquitto influxdb@1 && brew install --cask chromium' "${1:-}"
elif ! command -v apt-get >/dev/null; then
    failed "missing: $missing; install them with the system's package manager" "${1:-}"
elif [ "$(id -u)" != 0 ]; then
    failed "missing; run: sudo make servers   (installs $missing)" "${1:-}"
fi

echo "servers: installing $missing"
# Debian starts a server when it installs it; the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get -qq update
refused=''
for package in $missing; do
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package" >/dev/null 2>&1 ||
        refused="$refused $package"
done
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
    for unit in mosquitto influxdb; do
        case " $missing " in *" $unit "*) systemctl -q disable "$unit" 2>/dev/null || true ;; esac
    done
fi
[ -z "$refused" ] || failed "this system has no package$refused" "${1:-}"
echo 'servers: done'
