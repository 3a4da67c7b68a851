/** Where the images keep data: paths within the containers. At another the store is lost with them without a word. */
export const CHROMA_DATA = '/data'
export const OLLAMA_DATA = '/root/.ollama'
