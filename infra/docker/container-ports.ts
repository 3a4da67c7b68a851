/** The ports of Chroma within its part of the stack's network. */
export const CHROMA_CONTAINER_PORTS = { server: 8001, proxy: 8000 }
/** The ports of an Ollama. */
export const OLLAMA_CONTAINER_PORTS = { server: 11_435, proxy: 11_434 }
