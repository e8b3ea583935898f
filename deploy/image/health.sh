#!/bin/bash
# Succeeds while the server in this container is alive. bash opens the connection, because the image
# has no other client. Being ready is asked by what sends requests: a container that waits for a
# database is not to be restarted.
set -euo pipefail
port=${FLASHSALE_HTTP_PORT:-8080}
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
