/** Ports within the stack's network: where the fronts listen … */
export const CHROMA_PROXY = 8000
export const OLLAMA_PROXY = 11_434
/** … and the servers behind them, on loopback of the same network namespaces. */
export const CHROMA_SERVER = 8001
export const OLLAMA_SERVER = 11_435
