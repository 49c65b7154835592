# The command pgnudge, alone: no shell, no package manager, not root.
#   docker build -t pgnudge .
#   docker run --rm -e PGNUDGE_DSN=postgres://nudger@db/app pgnudge watch --output json
FROM rust:1-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libssl-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package pgnudge-cli \
 && strip target/release/pgnudge

# The same Debian release, with the libssl and the certificates that TLS needs.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/pgnudge /usr/bin/pgnudge
# SIGTERM ends it at once, as process 1 too.
ENTRYPOINT ["/usr/bin/pgnudge"]
CMD ["watch"]
