# The image of camunda-process-starter. Build it from the repository's root; docker/README.md has the commands.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -trimpath -buildvcs=false"

# What the modules need changes seldom: layers of their own, before the source.
COPY docker/notices/ docker/notices/
RUN cd docker/notices && go build -o /notices .
ARG GOPROXY
COPY service/go.mod service/go.sum service/
COPY starter/go.mod starter/go.sum starter/
RUN cd starter && go mod download

COPY service/ service/
COPY starter/ starter/
COPY LICENSE .

ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE_DATE_EPOCH=0
# No build id, no paths, no clock: the same commit gives the same bytes. The
# files' time is the commit's, for builders that keep it.
RUN cd starter && export GOOS=$TARGETOS GOARCH=$TARGETARCH v=github.com/prometheus/common/version \
 && go build -o /out/camunda-process-starter \
      -ldflags "-s -w -buildid= -X $v.Version=$VERSION -X $v.Revision=$REVISION" \
      ./cmd/camunda-process-starter \
 && mkdir /out/licenses && cp ../LICENSE /out/licenses/ \
 && /notices ./cmd/camunda-process-starter > /out/licenses/THIRD_PARTY_NOTICES.txt \
 && find /out -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 9752
ENTRYPOINT ["/camunda-process-starter"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="camunda-process-starter" \
      org.opencontainers.image.description="Starts process instances in Camunda 7 at a rate that can be changed" \
      org.opencontainers.image.source="https://github.com/camunda-autoscaler/camunda-autoscaler" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
