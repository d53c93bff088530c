#!/usr/bin/env bash
# Runs until SIGTERM; ../../README.md says which variables there are. Beside those: QUEUE (Disk, LinkedList), SYNC (on, off).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
address=${ES#*://}
address=${address%%/*}
mkdir -p "$OUT" "$OUT.spool"
rm -f "$OUT.pid"

common='queue.filename="bpq" queue.maxdiskspace="2g" queue.dequeuebatchsize="5000" queue.saveonshutdown="on" queue.timeoutshutdown="10000"'
if [[ $QUEUE == Disk ]]; then
  queue="queue.type=\"Disk\" $common queue.maxfilesize=\"64m\" queue.checkpointinterval=\"1000\" queue.syncqueuefiles=\"$SYNC\""
else
  queue="queue.type=\"LinkedList\" $common queue.size=\"100000\" queue.highwatermark=\"80000\" queue.lowwatermark=\"40000\""
fi
sed -e "s|@QUEUE@|$queue|" \
  -e "s|@TOPIC@|$TOPIC|g; s|@GROUP@|$GROUP|g; s|@KAFKA@|$KAFKA|g; s|@INDEX@|$INDEX|g; s|@OUT@|$OUT|g; s|@SYNC@|$SYNC|g" \
  -e "s|@ES_HOST@|${address%%:*}|g; s|@ES_PORT@|${address##*:}|g" "$here/rsyslog.conf" >"$OUT.conf"
exec "$(command -v rsyslogd || echo /usr/sbin/rsyslogd)" -n -f "$OUT.conf" -i "$OUT.pid"
