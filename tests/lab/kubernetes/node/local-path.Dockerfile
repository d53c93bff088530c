FROM scratch
COPY local-path /local-path
USER 65532:65532
ENTRYPOINT ["/local-path"]
