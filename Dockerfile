# A gateway in a container: about 60 MB of ours on Node's own slim image, no compiler, no shell needed, not root.
#   docker build -t mynah . && docker run --rm -p 8080:8080 -e ALLOW_ANONYMOUS=true mynah
# The first stage is three commands that also run without Docker; the tests run them (packages/gateway/test/e2e/deploy.test.ts).
ARG NODE=24-bookworm-slim

FROM node:${NODE} AS build
WORKDIR /build
COPY . .
# Scripts of packages are not run: the only one that matters fetches the Node that this image is.
RUN npm ci --ignore-scripts
RUN node tools/ensure-page.ts
RUN node tools/assemble-server.ts /server

FROM node:${NODE}
LABEL org.opencontainers.image.title="Mynah" \
      org.opencontainers.image.description="Self-hosted text-to-speech gateway" \
      org.opencontainers.image.licenses="MIT"
# ESPEAK=true adds over a hundred languages. eSpeak NG is GPL-3, so whoever passes such an image on passes that on too.
ARG ESPEAK=false
RUN if [ "$ESPEAK" = true ]; then \
      apt-get update && apt-get install -y --no-install-recommends espeak-ng && rm -rf /var/lib/apt/lists/*; \
    fi
COPY --from=build /server /server
# Where mynah.config.yaml is looked for; mount yours here, or name another path in MYNAH_CONFIG.
WORKDIR /etc/mynah
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["node", "/server/packages/gateway/bin/healthcheck.mjs"]
ENTRYPOINT ["node", "/server/packages/gateway/bin/mynah.mjs"]
CMD ["serve"]
