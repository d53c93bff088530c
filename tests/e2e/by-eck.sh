# Elasticsearch as ECK runs it: how one logs in, and what a ward of it has. To be sourced by those that say where it is.
# shellcheck shell=bash disable=SC2034,SC2154

secret_entry() { in_ward get secret "$1" -o "go-template={{index .data \"$2\" | base64decode}}"; } # SECRET ENTRY
es_login() { # DIR
  es_directory=$1
  mkdir -p "$1/pki"
  secret_entry "$ES_NAME-es-http-certs-public" ca.crt >"$1/pki/ca.crt"
  (umask 077 && secret_entry "$ES_NAME-es-elastic-user" elastic >"$1/password")
  elasticsearch_curlrc "$1"
}

es_test_values() { printf 'test.elasticsearch.url=%s' "$(es_of_pods)"; }
es_of_pods() { printf 'https://%s-es-http.%s.svc:9200' "$ES_NAME" "$WARD_NAMESPACE"; }

# keys: the classifier writes over TLS, by a key that the operator has made for it, and that is good for no more.
keys() {
  api_key=$(secret_entry "$WARD-elasticsearch" api-key)
  step 'the classifier is told to come over TLS' classifier_is_told "$(es_of_pods)"
  step 'its key is good for its index' key_is_answered 200 "$(index)/_count"
  step 'and for nothing else' key_is_answered 403 _cluster/health
}
classifier_is_told() { [[ $(in_ward get deployment "$WARD-classifier" -o json) == *"\"$1\""* ]]; } # URL
key_is_answered() { # STATUS PATH
  [[ $(curl -q -s -o /dev/null -w '%{http_code}' --max-time 20 -K <(grep -v ^user "$es_directory/curlrc") -H "Authorization: ApiKey $api_key" "$es_url/$2") == "$1" ]]
}
key_is_revoked() { step 'the key of before is good for nothing' key_is_answered 401 "$(index)/_count"; }
