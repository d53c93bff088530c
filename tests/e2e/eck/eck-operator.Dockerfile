FROM scratch
COPY elastic-operator /elastic-operator
USER 65532:65532
ENTRYPOINT ["/elastic-operator"]
