// In a pod, which has addresses of its own: no two servers of one pod may have the same.

/** Where others come in to Chroma and to Ollama, which listen on loopback. */
export const AUTH_PROXY_PORT = 8080
/** Where the container that pulls models says whether they are ready. */
export const MODEL_SIDECAR_PORT = 8081
export const CHROMA_POD_PORTS = { server: 8000, proxy: AUTH_PROXY_PORT }
export const OLLAMA_POD_PORTS = { server: 11_434, proxy: AUTH_PROXY_PORT }
