#!/bin/bash
# Starts PostgreSQL by the official image's environment variables: creates a
# database cluster if there is none, and as root switches to the user postgres.
set -euo pipefail

case ${1:-} in
  -*) set -- postgres "$@" ;;
  postgres) ;;
  *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(< "$POSTGRES_PASSWORD_FILE"); fi
  : "${POSTGRES_PASSWORD:?is needed, as it is by the official image}"
  user=${POSTGRES_USER:-postgres}
  mkdir -p "$PGDATA"
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 --auth-local=trust --encoding=UTF8 --locale=C.UTF-8
  printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
  printf "listen_addresses = '*'\n" >> "$PGDATA/postgresql.conf"
  if [ "${POSTGRES_DB:-$user}" != postgres ]; then
    # Only on a socket: no client sees a server that is about to restart.
    pg_ctl start --wait --options="-c listen_addresses=''"
    psql --username="$user" --dbname=postgres --set=ON_ERROR_STOP=1 --set=name="${POSTGRES_DB:-$user}" <<< 'CREATE DATABASE :"name";'
    pg_ctl stop --wait --mode=fast
  fi
fi

exec "$@"
