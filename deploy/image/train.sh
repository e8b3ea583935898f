#!/bin/sh
# One short run of the shop teaches Java which classes it needs, so that later starts are shorter.
#
#   train.sh JAVA_FOLDER PROGRAM_FOLDER FOLDER
#
# Leaves FOLDER/flashsale.aot. The run has an embedded PostgreSQL in FOLDER/data, which is removed.
set -eu
java=$1
program=$2
folder=$3
log=$folder/training.log

FLASHSALE_HTTP_PORT=0 "$java/bin/java" "@$program/java-options" \
  "-XX:AOTCacheOutput=$folder/flashsale.aot" \
  -jar "$program/flashsale.jar" serve --data-dir "$folder/data" >"$log" 2>&1 &
trainee=$!

failed() {
  cat "$log" >&2
  echo "$1" >&2
  exit 1
}

seconds=0
until grep -q ' serves at ' "$log"; do
  if [ "$seconds" = 120 ] || ! kill -0 "$trainee" 2>/dev/null; then
    kill "$trainee" 2>/dev/null || :
    failed "The training run did not get to serving."
  fi
  sleep 1
  seconds=$((seconds + 1))
done
kill -TERM "$trainee"
wait "$trainee" || : # A process that was told to stop says so in its exit code.
[ -s "$folder/flashsale.aot" ] || failed "The training run left no cache."
rm -rf "$folder/data" "$log"
