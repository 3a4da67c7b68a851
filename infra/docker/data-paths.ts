/** Where Ollama's image keeps its data: at another path the models are lost with the container without a word. */
export const OLLAMA_DATA = '/root/.ollama'
