# An image with the one program, for the server and for each service of the packs' systems:
#   docker build -t skopos:0.1.0 -t skopos:latest .
#   docker run -p 9090:9090 -p 4317:4317 -p 4318:4318 -v skopos-data:/data skopos:0.1.0
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package skopos

FROM debian:bookworm-slim
# Authorities for whoever is asked over TLS; zlib is what the program is linked with.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /data --create-home --shell /usr/sbin/nologin skopos
COPY --from=build /src/target/release/skopos /usr/local/bin/skopos
USER 10001:10001
WORKDIR /data
VOLUME /data
# The page and all APIs over HTTP, OTLP over gRPC, OTLP over HTTP.
EXPOSE 9090 4317 4318
# Of the server. A container with a service of the fleet turns it off, or asks that service's /health.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["skopos", "query", "metrics", "vector(1)"]
ENTRYPOINT ["skopos"]
# Nobody is asked who they are; --insecure says that the network is guarded: only published ports are reached.
CMD ["serve", "--insecure", "--web.listen-address=0.0.0.0:9090", "--otlp.grpc-listen-address=0.0.0.0:4317", \
    "--otlp.http-listen-address=0.0.0.0:4318", "--storage.path=/data"]
