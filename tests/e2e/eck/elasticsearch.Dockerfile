# The lab's Elasticsearch where ECK looks for one, as the user that ECK runs it as.
FROM localhost/lab/java:1
RUN useradd --uid 1000 --gid 0 --home-dir /usr/share/elasticsearch --no-create-home elasticsearch
COPY --chown=1000:0 distribution /usr/share/elasticsearch
COPY module /usr/share/elasticsearch/modules/eck
ENV ES_JAVA_HOME=/usr/lib/jvm/default-java PATH=/usr/share/elasticsearch/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /usr/share/elasticsearch
USER 1000:0
ENTRYPOINT ["/usr/share/elasticsearch/bin/elasticsearch"]
