"""Elasticsearch: indices to write to, and what has arrived in them."""

import http.client
import json
import urllib.parse

from . import places

URL = urllib.parse.urlparse(places.ELASTICSEARCH)
_connection = None


class Failed(Exception):
    pass


def connect(timeout=120):
    return http.client.HTTPConnection(URL.hostname, URL.port, timeout=timeout)


def ask(method, path, body=None, fine=(200, 201)):
    """Sends JSON, and gives what is answered. Once more where the connection was closed meanwhile."""
    global _connection
    text = None if body is None else json.dumps(body)
    for is_last in (False, True):
        _connection = _connection or connect()
        try:
            _connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = _connection.getresponse()
            status, content = answer.status, answer.read()
            break
        except (http.client.HTTPException, OSError):
            _connection = None
            if is_last:
                raise
    if status not in fine:
        raise Failed(f"{method} {path}: {status} {content[:300]!r}")
    return json.loads(content) if content else {}


def new_index(alias, mappings, pipeline=None):
    """An empty index behind an alias: bp-monitor writes to nothing but aliases, and to the others they are the same."""
    remove(alias)
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "1s"}
    if pipeline:
        settings["default_pipeline"] = pipeline
    body = {"settings": settings, "mappings": mappings, "aliases": {alias: {"is_write_index": True}}}
    ask("PUT", f"/{alias}-000001", body)


def remove(alias):
    ask("DELETE", f"/{alias}-000001", fine=(200, 404))


def indexed(alias):
    """How many documents were written so far, without the cost of a refresh."""
    path = f"/{alias}/_stats/indexing?filter_path=_all.primaries.indexing.index_total"
    return ask("GET", path).get("_all", {}).get("primaries", {}).get("indexing", {}).get("index_total", 0)


def documents(alias):
    """How many documents there are."""
    ask("POST", f"/{alias}/_refresh")
    return ask("GET", f"/{alias}/_count")["count"]


def categories(alias, field):
    """How many documents each category has."""
    body = {"size": 0, "aggs": {"categories": {"terms": {"field": field, "size": 20}}}}
    found = ask("POST", f"/{alias}/_search", body)["aggregations"]["categories"]["buckets"]
    return {bucket["key"]: bucket["doc_count"] for bucket in found}


def sources(alias, fields):
    """The given fields of every document."""
    ask("POST", f"/{alias}/_refresh")
    last = -1
    while True:
        query = {"range": {"_seq_no": {"gt": last}}}
        body = {"size": 10_000, "seq_no_primary_term": True, "_source": fields, "sort": [{"_seq_no": "asc"}], "query": query}
        hits = ask("POST", f"/{alias}/_search", body)["hits"]["hits"]
        if not hits:
            return
        for hit in hits:
            yield hit["_source"]
        last = hits[-1]["_seq_no"]
