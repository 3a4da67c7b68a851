/** In a pod, which has addresses of its own: no two servers of one pod may have the same. */
export const CHROMA_PORT = 8000
export const OLLAMA_PORT = 11_434
/** Where others come in; the servers themselves listen on loopback. */
export const AUTH_PROXY_PORT = 8080
/** Where the container that pulls models says whether they are ready. */
export const MODEL_SIDECAR_PORT = 8081
