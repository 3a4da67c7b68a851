# The project's own image: the HTTP API, and by other arguments the checks and the model sidecar. Its tag is the version of
# package.json: docker build -t knowledge-stack:VERSION .
#   docker run … knowledge-stack:VERSION                                        the API (checks/api/api-environment.ts)
#   docker run … knowledge-stack:VERSION provision/cli.ts verify                against CHROMADB_URL and OLLAMA_URL
#   docker run … knowledge-stack:VERSION provision/model-sidecar/main.ts FILE   the models of the Ollama beside it
ARG NODE_IMAGE=node:24.21.0-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# In PEM, where the way to the package registry has certificates of one's own.
ARG CERTIFICATES=
# Optional packages carry a Node, which the base image has, and native parts that nothing here uses.
# By printenv: a build shows each step with the arguments that it names in place, which is thousands of lines here.
RUN own="$(printenv CERTIFICATES || true)"; \
    if [ -n "$own" ]; then \
      { cat "${NODE_EXTRA_CA_CERTS:-/dev/null}"; printf '%s\n' "$own"; } > /tmp/trusted.pem; \
      export NODE_EXTRA_CA_CERTS=/tmp/trusted.pem; \
    fi; \
    npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY infra infra
COPY checks checks
COPY provision provision
# By number: Kubernetes cannot tell whether a name is root.
USER 1000:1000
EXPOSE 8003
ENTRYPOINT ["node"]
CMD ["checks/api/main.ts"]
