import { PROJECT_VERSION } from '../project.ts'
import type { Images } from './parts.ts'

export const imagesOf = (): Images => ({
  chroma: 'chromadb/chroma:1.5.9',
  ollama: 'ollama/ollama:0.17.4',
  front: 'nginxinc/nginx-unprivileged:1.29.4',
  api: `knowledge-stack:${PROJECT_VERSION}`,
})
