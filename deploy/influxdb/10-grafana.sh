#!/bin/bash
# Runs once, when the database is set up: a user for Grafana that may read the bucket over InfluxQL.
# The gateway's token is made by `hygeia influx setup` (service influx-setup).
set -eu
influx v1 auth create \
  --org "${DOCKER_INFLUXDB_INIT_ORG}" \
  --username grafana \
  --password "$(cat /run/secrets/influx_grafana_password)" \
  --read-bucket "${DOCKER_INFLUXDB_INIT_BUCKET_ID}" \
  >/dev/null
