#!/bin/sh
# Makes the secrets of the compose file, once: deploy/.env, which only its owner can read.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
  echo "deploy/.env is there already; a database keeps the passwords that it was made with." >&2
  exit 1
fi
umask 077
for name in POSTGRES_PASSWORD USERS_DATABASE_PASSWORD CATALOG_DATABASE_PASSWORD \
  INVENTORY_DATABASE_PASSWORD RESERVATIONS_DATABASE_PASSWORD ORDERS_DATABASE_PASSWORD \
  PAYMENTS_DATABASE_PASSWORD RABBITMQ_PASSWORD REDIS_PASSWORD DOORS_TOKEN GRAFANA_PASSWORD \
  INFLUXDB_PASSWORD INFLUXDB_TOKEN; do
  # Letters and digits only: they stand in addresses, too.
  printf '%s=%s\n' "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done >.env.new
mv .env.new .env
echo "Made deploy/.env." >&2
