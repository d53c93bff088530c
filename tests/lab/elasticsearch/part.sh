# Elasticsearch, one node, plain or secured: how it is got, set up, started and asked. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154
#
# The plain one is the part elasticsearch, the one with TLS, users and API keys the part elasticsearch-secure.

elasticsearch_version() { pom_property elasticsearch elasticsearch.version; }
elasticsearch_pins() { cat "$lab_scripts/elasticsearch/pom.xml"; }

# The minimal distribution has no checksum at its repository, so that Maven cannot be strict; what both must be is in the pom.xml.
elasticsearch_check() { # FILE PROPERTY
  printf '%s  %s\n' "$(pom_property elasticsearch "$2")" "$1" | sha256sum --check --status || fail "$1 is not the file that was pinned"
}

# Maven leaves the archives where it keeps everything; the second one is 900 MB, so it is not copied.
elasticsearch_fetch() { # DIR
  local archives=$dist/elasticsearch.archives
  need java default-jre-headless mvn maven unzip unzip
  quietly "$dist/maven.log" mvn -B -f "$lab_scripts/elasticsearch/pom.xml" "$MAVEN_DEPENDENCY_PLUGIN:build-classpath" \
    -Dmdep.outputFile="$archives" -Dmdep.pathSeparator=' '
  local minimal bundle
  read -r minimal bundle <"$archives" || true
  elasticsearch_check "$minimal" elasticsearch.sha256
  elasticsearch_check "$bundle" sonarqube.sha256
  quietly "$dist/unzip.log" unzip -q "$minimal" -d "$1/minimal"
  quietly "$dist/unzip.log" unzip -q "$bundle" 'sonarqube-*/elasticsearch/modules/*' -d "$1/bundle"
  mv "$1"/minimal/*/* "$1"
  cp -rn "$1"/bundle/*/elasticsearch/modules/* "$1/modules"
  rm -r "$1/minimal" "$1/bundle" "$archives"
  chmod -R go+rX "$1"
}

elasticsearch_secured() { [[ $1 == *-secure ]]; }

elasticsearch_port() { # PART [_transport]
  local name=port_${1//-/_}${2:-}
  printf '%s' "${!name}"
}

elasticsearch_url() { # PART
  local scheme=http
  ! elasticsearch_secured "$1" || scheme=https
  printf '%s://127.0.0.1:%s' "$scheme" "$(elasticsearch_port "$1")"
}

elasticsearch_serves() { # PART
  local options=(-q -s --max-time 3)
  ! elasticsearch_secured "$1" || options+=(-K "$run/$1/curlrc")
  [[ $(curl "${options[@]}" "$(elasticsearch_url "$1")/_cluster/health" 2>/dev/null) == *'"status":"'@(green|yellow)'"'* ]]
}

elasticsearch_env() { # PART
  if ! elasticsearch_secured "$1"; then
    printf 'BPMONITOR_TEST_ELASTICSEARCH=%s\n' "$(elasticsearch_url "$1")"
    return
  fi
  cat <<ENV
BPMONITOR_TEST_ELASTICSEARCH_SECURE=$(elasticsearch_url "$1")
BPMONITOR_TEST_ELASTICSEARCH_CA=$run/$1/pki/ca.crt
BPMONITOR_TEST_ELASTICSEARCH_PASSWORD_FILE=$run/$1/password
ENV
}

elasticsearch_pki() {
  authority ca "/O=lab/CN=elasticsearch-ca"
  server_certificate server "/O=lab/CN=elasticsearch" ca "$NODE_ADDRESS"
}

# elasticsearch_watermarks: real ones, but as free space: a developer's disk that is nearly full does not trip them.
elasticsearch_watermarks() {
  cat <<YML
cluster.routing.allocation.disk.watermark.low: 200mb
cluster.routing.allocation.disk.watermark.high: 150mb
cluster.routing.allocation.disk.watermark.flood_stage: 100mb
cluster.info.update.interval: 10s
YML
}

elasticsearch_yml() { # PART
  cat <<YML
cluster.name: lab
node.name: $1
path.data: $run/$1/data
path.logs: $run/$1/logs
http.host: 127.0.0.1
http.port: $(elasticsearch_port "$1")
transport.host: 127.0.0.1
transport.port: $(elasticsearch_port "$1" _transport)
discovery.type: single-node
$(elasticsearch_watermarks)
YML
  if ! elasticsearch_secured "$1"; then
    printf 'xpack.security.enabled: false\n'
    return
  fi
  cat <<YML
xpack.security.enabled: true
xpack.security.authc.api_key.enabled: true
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.certificate: server.crt
xpack.security.http.ssl.key: server.key
xpack.security.transport.ssl.enabled: true
xpack.security.transport.ssl.certificate: server.crt
xpack.security.transport.ssl.key: server.key
xpack.security.transport.ssl.certificate_authorities: ca.crt
YML
}

# Elasticsearch refuses to be root: then it is nobody, who owns its directories.
elasticsearch_as() { # COMMAND ...
  if [[ $(id -u) == 0 ]]; then
    setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$@"
  else
    "$@"
  fi
}

# elasticsearch_curlrc DIR: with which curl is the user elastic, of the authority and the password that are there.
elasticsearch_curlrc() {
  (umask 077 && printf 'cacert = "%s"\nuser = "elastic:%s"\n' "$1/pki/ca.crt" "$(<"$1/password")" >"$1/curlrc")
}

elasticsearch_secure() { # PART DIST
  make_pki "$run/$1/pki" elasticsearch_pki
  secret "$run/$1/password"
  cp "$run/$1/pki"/{ca.crt,server.crt,server.key} "$run/$1/config"
  elasticsearch_curlrc "$run/$1"
  [[ -f $run/$1/config/elasticsearch.keystore ]] ||
    ES_PATH_CONF=$run/$1/config quietly "$run/$1/keystore.log" "$2/bin/elasticsearch-keystore" add -f -x bootstrap.password \
      <"$run/$1/password"
}

elasticsearch_prepare() { # PART DIST
  need_java
  elasticsearch_as test -x "$run" -a -x "$dist" ||
    fail "$1: runs as nobody, who cannot reach $lab: let others pass through the directories above (chmod o+x), or set LAB_DATA to another"
  mkdir -p "$run/$1"/{config,data,logs,tmp}
  cp -r "$2/config/." "$run/$1/config"
  elasticsearch_yml "$1" >"$run/$1/config/elasticsearch.yml"
  export ES_JAVA_HOME # it brings no Java of its own
  ES_JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  ! elasticsearch_secured "$1" || elasticsearch_secure "$1" "$2"
  [[ $(id -u) != 0 ]] || chown -R 65534:65534 "$run/$1"/{config,data,logs,tmp}
}

elasticsearch_log() { printf '%s' "$run/$1/start.log"; } # PART

elasticsearch_asked_heap() { # PART
  if elasticsearch_secured "$1"; then printf '%s' "${LAB_ES_SECURE_HEAP:-}"; else printf '%s' "${LAB_ES_HEAP:-}"; fi
}

elasticsearch_start() { # PART DIST
  local heap
  heap=$(elasticsearch_asked_heap "$1")
  if [[ -z $heap ]]; then
    heap=1g
    ! elasticsearch_secured "$1" || heap=768m
  fi
  ulimit -n "$(ulimit -Hn)"
  export ES_PATH_CONF=$run/$1/config ES_TMPDIR=$run/$1/tmp ES_JAVA_OPTS CLI_JAVA_OPTS
  ES_JAVA_OPTS="${ES_JAVA_OPTS:-} -Xms$heap -Xmx$heap $(marker "$1")"
  CLI_JAVA_OPTS="-Xms4m -Xmx64m -XX:+UseSerialGC $(marker "$1")"
  # returns when the node has started, or has not
  elasticsearch_as setsid timeout "$START_LIMIT" "$2/bin/elasticsearch" -d </dev/null >"$(elasticsearch_log "$1")" 2>&1 9>&-
}
