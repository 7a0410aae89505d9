# The shop as one static file on an empty image, run by nobody in particular. The same commit, the same version and the
# same compiler give the same bytes.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY cmd cmd
COPY internal internal
COPY migrations migrations
ARG VERSION=dev
ARG COMMIT=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -buildid= -X main.version=${VERSION} -X main.commit=${COMMIT}" \
        -o /out/hexamart ./cmd/hexamart \
    && mkdir -p /out/home/hexamart

FROM scratch
ARG VERSION=dev
ARG COMMIT=
LABEL org.opencontainers.image.title="HexaMart" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/home /home
COPY --from=build /out/hexamart /hexamart
USER 65532:65532
WORKDIR /home/hexamart
ENV ADDR=:8000 LOG_FORMAT=json
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=3 CMD ["/hexamart", "healthcheck"]
ENTRYPOINT ["/hexamart"]
CMD ["serve"]
