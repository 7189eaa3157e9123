#!/bin/sh
# Makes the secrets of docker-compose.yml once, in ./secrets; what exists stays. Needs mosquitto_passwd.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
make_secret() { [ -s "secrets/$1" ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"secrets/$1"; }
for name in influx_password influx_admin_token influx_grafana_password grafana_admin_password; do make_secret "$name"; done
if [ ! -s secrets/gateway_mqtt_url ]; then
  make_secret gateway_mqtt_password
  password=$(cat secrets/gateway_mqtt_password)
  printf 'mqtt://gateway:%s@mosquitto:1883' "$password" >secrets/gateway_mqtt_url
  : >secrets/mosquitto_passwd
  mosquitto_passwd -b secrets/mosquitto_passwd gateway "$password"
  rm secrets/gateway_mqtt_password
fi
# Containers run as users of their own and read the files through bind mounts; the folder keeps others out.
chmod 700 secrets
chmod 644 secrets/*
echo "secrets are in ./secrets; next: docker compose up -d"
