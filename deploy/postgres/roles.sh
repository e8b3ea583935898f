#!/bin/bash
# Runs once, when the PostgreSQL container makes its data: a login and a database for each role.
set -euo pipefail

# role PASSWORD DATABASE…: a login, and databases that are its own.
role() {
  local name=$1 password=$2 database
  shift 2
  for database in "$@"; do
    ROLE_PASSWORD=$password psql -v ON_ERROR_STOP=1 -v "role=$name" -v "database=$database" \
      --username "${POSTGRES_USER:-postgres}" --dbname postgres -f /opt/flashsale/role.sql
  done
}

role users "$USERS_DATABASE_PASSWORD" users
role catalog "$CATALOG_DATABASE_PASSWORD" catalog
role inventory "$INVENTORY_DATABASE_PASSWORD" inventory
role reservations "$RESERVATIONS_DATABASE_PASSWORD" reservations
role orders "$ORDERS_DATABASE_PASSWORD" orders
# The sandbox payment gateway's books are beside the payments'.
role payments "$PAYMENTS_DATABASE_PASSWORD" payments gateway
