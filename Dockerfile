# The images of bp-monitor: operator, producer, classifier, and cli (the user's command). `make images` builds them.
#
# BASE brings what the programs need besides themselves: glibc, libgcc, OpenSSL 3, the certificates of public authorities; no shell.
# BUILDER brings Rust, a C compiler, pkg-config and OpenSSL's headers, of the same Debian as BASE.
# BINARIES is where the programs come from: `compiled` here, or `prebuilt`: then the build's context is a directory that has them.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot
ARG BUILDER=docker.io/library/rust:1.95-bookworm
ARG BINARIES=compiled

FROM ${BUILDER} AS compiled
# zlib is linked in: BASE has none.
ENV CARGO_HOME=/cargo CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never LIBZ_SYS_STATIC=1
WORKDIR /source
COPY . .
# What was downloaded and compiled stays in the caches, so that dependencies are compiled once. What is our own is compiled anew: cargo
# goes by the time of a file, and one that is older than the last build may yet be another than it had.
RUN --mount=type=cache,id=bpmonitor-cargo,target=/cargo \
    --mount=type=cache,id=bpmonitor-target,target=/source/target \
    find . -path ./target -prune -o -type f -exec touch {} + \
    && cargo build --locked --release --features bpmonitor-local/cluster \
        -p bpmonitor-operator -p bpmonitor-producer -p bpmonitor-classifier -p bpmonitor-local \
    && mkdir /binaries \
    && cp target/release/bpmonitor target/release/bpmonitor-operator target/release/bpmonitor-producer target/release/bpmonitor-classifier /binaries

FROM scratch AS prebuilt
COPY bpmonitor bpmonitor-* /binaries/

FROM ${BINARIES} AS binaries

FROM ${BASE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="bp-monitor"
USER 65532:65532

FROM runtime AS operator
LABEL org.opencontainers.image.title="bpmonitor-operator" \
      org.opencontainers.image.description="Makes a running pipeline of each BpMonitor, and keeps it so"
COPY --from=binaries /binaries/bpmonitor-operator /usr/local/bin/bpmonitor-operator
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/bpmonitor-operator"]

FROM runtime AS producer
LABEL org.opencontainers.image.title="bpmonitor-producer" \
      org.opencontainers.image.description="Simulated blood pressures, or FHIR files, to Kafka"
COPY --from=binaries /binaries/bpmonitor-producer /usr/local/bin/bpmonitor-producer
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/bpmonitor-producer"]

FROM runtime AS classifier
LABEL org.opencontainers.image.title="bpmonitor-classifier" \
      org.opencontainers.image.description="Classifies blood pressures from Kafka: anomalies to Elasticsearch, normal readings to an archive"
COPY --from=binaries /binaries/bpmonitor-classifier /usr/local/bin/bpmonitor-classifier
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/bpmonitor-classifier"]

FROM runtime AS cli
LABEL org.opencontainers.image.title="bpmonitor" \
      org.opencontainers.image.description="The user's command: run, check, import, tail, and more"
COPY --from=binaries /binaries/bpmonitor /usr/local/bin/bpmonitor
ENTRYPOINT ["/usr/local/bin/bpmonitor"]
