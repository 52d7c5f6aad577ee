#!/bin/bash
# Starts Camunda on Tomcat by the official image's environment variables.
set -euo pipefail

if [ -z "${SKIP_DB_CONFIG:-}" ]; then
  # Tomcat makes system properties of these, which server.xml refers to. A
  # backslash would be an escape there.
  {
    echo
    for variable in DB_DRIVER DB_URL DB_USERNAME DB_PASSWORD DB_CONN_MAXACTIVE DB_CONN_MINIDLE DB_CONN_MAXIDLE DB_VALIDATE_ON_BORROW DB_VALIDATION_QUERY; do
      printf '%s=%s\n' "$variable" "${!variable//\\/\\\\}"
    done
  } >> conf/catalina.properties
fi

# host:port, or several with commas; gives up after WAIT_FOR_TIMEOUT seconds.
for address in ${WAIT_FOR//,/ }; do
  deadline=$((SECONDS + WAIT_FOR_TIMEOUT))
  until (exec 3<> "/dev/tcp/${address%:*}/${address##*:}") 2> /dev/null; do
    ((SECONDS < deadline)) || { echo "$address does not answer after ${WAIT_FOR_TIMEOUT}s" >&2; exit 1; }
    sleep 0.5
  done
done

exec bin/catalina.sh run
