# Elasticsearch for a ward that is given its URL: the lab's own, which listens on this machine. To be sourced by run.sh.
# shellcheck shell=bash disable=SC2034,SC2154

readonly ES_PARTS=(elasticsearch-secure)

es_begin() {
  es_url=$(elasticsearch_url elasticsearch-secure)
  es_directory=$run/elasticsearch-secure
  relay "$port_elasticsearch_secure"
  step 'the Secret for Elasticsearch is there' es_secret
}
es_secret() {
  in_ward create secret generic elasticsearch --from-literal username=elastic \
    --from-file "password=$es_directory/password" --from-file "ca.crt=$es_directory/pki/ca.crt"
}

# es_spec: of the ward.
es_spec() {
  cat <<YAML
  elasticsearch:
    url: https://$NODE_ADDRESS:$port_elasticsearch_secure
    caSecretRef: {name: elasticsearch}
    auth: {secretRef: {name: elasticsearch}}
YAML
}

# es_test_values: of the chart, for its test.
es_test_values() {
  printf 'test.elasticsearch.url=https://%s:%s,test.elasticsearch.secret=elasticsearch,test.elasticsearch.authentication=password' \
    "$NODE_ADDRESS" "$port_elasticsearch_secure"
}

es_state() { tail -n 20 "$(elasticsearch_log elasticsearch-secure)"; }

es_dies() {
  step 'Elasticsearch is killed' "$root/tests/lab/kill.sh" elasticsearch-secure
  step 'and comes back' "$root/tests/lab/up.sh" elasticsearch-secure
  anomalies_arrive
}
