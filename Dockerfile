# The third-party files of the pages, in the versions and with the checksums of the lock file.
FROM node:22-bookworm-slim AS assets
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY web/vendor.mjs ./
RUN node vendor.mjs

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=assets /src/web/static/vendor web/static/vendor
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /portcullis ./cmd/server
RUN mkdir /data

# One static binary, and the certificate authorities that verify AWS. There is no shell and
# no package manager. A volume on /data keeps the key of the audit log and its checkpoints.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /portcullis /portcullis
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
ENV PORTCULLIS_LISTEN=0.0.0.0:8080 PORTCULLIS_METRICS_LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/portcullis", "health"]
ENTRYPOINT ["/portcullis"]
CMD ["serve"]
