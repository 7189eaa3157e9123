#!/bin/sh
# Makes dashboards/grafana/schema/dashboard.json anew from Grafana's own types. Needs node, npm and its registry.
#   scripts/grafana_schema.sh [VERSION of @grafana/schema]
set -eu

schema=${1:-13.2.3}
generator=2.4.0
here=$(cd "$(dirname "$0")" && pwd)
target=$here/../dashboards/grafana/schema/dashboard.json

command -v npm >/dev/null || { echo 'grafana_schema: npm is missing; install node with npm' >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '{"private": true}' >"$work/package.json"
npm install --prefix "$work" --silent --no-audit --no-fund --ignore-scripts \
    "@grafana/schema@$schema" "ts-json-schema-generator@$generator"
node "$here/grafana_schema.mjs" "$work" >"$work/dashboard.json"
mv "$work/dashboard.json" "$target"
chmod 644 "$target"
echo "grafana_schema: $(wc -c <"$target") bytes from @grafana/schema $schema"
