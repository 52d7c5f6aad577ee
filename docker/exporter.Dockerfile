# The image of camunda-exporter. Build it from the repository's root; docker/README.md has the commands.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -trimpath -buildvcs=false"

# What the modules need changes seldom: a layer of its own, before the source.
ARG GOPROXY
COPY service/go.mod service/go.sum service/
COPY exporter/go.mod exporter/go.sum exporter/
RUN cd exporter && go mod download

COPY service/ service/
COPY exporter/ exporter/

ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE_DATE_EPOCH=0
# No build id, no paths, no clock: the same commit gives the same bytes. The
# file's time is the commit's, for builders that keep it.
RUN cd exporter && v=github.com/prometheus/common/version \
 && GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/camunda-exporter \
      -ldflags "-s -w -buildid= -X $v.Version=$VERSION -X $v.Revision=$REVISION" \
      ./cmd/camunda-exporter \
 && touch -d "@$SOURCE_DATE_EPOCH" /out/camunda-exporter

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/camunda-exporter /camunda-exporter
USER 65532:65532
EXPOSE 9750
ENTRYPOINT ["/camunda-exporter"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="camunda-exporter" \
      org.opencontainers.image.description="Process instances started in Camunda 7, as Prometheus metrics" \
      org.opencontainers.image.source="https://github.com/camunda-autoscaler/camunda-autoscaler" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
