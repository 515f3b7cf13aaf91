#!/bin/sh
# logged.sh LOG COMMAND...: runs the command, shows what it prints and keeps it; fails as it fails.
log=$1
shift
{ "$@" 2>&1; echo "$?" > "$log.status"; } | tee "$log"
exit "$(cat "$log.status")"
