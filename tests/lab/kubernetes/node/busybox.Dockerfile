# A shell, and what a test of the node calls from one.
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN ["/bin/mkdir", "-m", "1777", "/tmp"]
USER 65532:65532
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["hostname > /tmp/index.html; trap 'exit 0' TERM; httpd -f -p 8080 -h /tmp & wait $!"]
