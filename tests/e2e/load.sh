# A rolling upgrade while many readings come: how long each waits until it is durable. To be sourced by run.sh.
# shellcheck shell=bash disable=SC2154

readonly LOAD=500 P99_LIMIT=5000 # readings a second; ms
load_began='' load_ended=''

upgrades_under_load() {
  step "$LOAD readings a second are asked for" patch_ward "{\"spec\": {\"rate\": {\"perSecond\": $LOAD}}}"
  step 'it is ready' ward_is_ready 60
  eventually 60 'they come' more_than "$(($(published) + 10 * LOAD))" published
  load_began=$(date +%s%3N)
  upgrades
  load_ended=$(date +%s%3N)
  step "$RATE a second are asked for" patch_ward "{\"spec\": {\"rate\": {\"perSecond\": $RATE}}}"
  step 'it is ready' ward_is_ready 60
}

# was_in_time: of the readings of that time. Kafka itself says when each was published and when it was committed; once all is accounted for, for then
# neither topic grows.
was_in_time() {
  step "at $LOAD a second, through the upgrade, 99 of 100 were durable within $P99_LIMIT ms" latencies
  tail -n 2 "$lab/e2e.log"
}
latencies() {
  kafka-console-consumer --topic __consumer_offsets --from-beginning --max-messages "$(records_of __consumer_offsets)" --timeout-ms 60000 \
    --formatter org.apache.kafka.tools.consumer.OffsetsMessageFormatter >"$lab/commits" 2>"$lab/consumer.log"
  python3 "$here/latency.py" --records "$lab/records" --commits "$lab/commits" --group "bp.$WARD_NAMESPACE.$WARD.classifier" --topic "$(topic)" \
    --from "$load_began" --to "$load_ended" --rate "$LOAD" --limit "$P99_LIMIT"
}
