import type { MadeSecrets } from '../resources.ts'
import type { Front } from './nginx.ts'
import { CHROMA_RULES, OLLAMA_RULES } from './routes.ts'

/** Where a front listens, and its server behind it. */
type Ports = Pick<Front, 'listen' | 'upstream'>
type Tokens = MadeSecrets['tokens']

export const chromaFront = ({ chroma }: Tokens, ports: Ports): Front => ({
  ...ports,
  rules: CHROMA_RULES,
  tokens: { application: chroma },
})

export const ollamaFront = ({ ollama, provisioner }: Tokens, ports: Ports): Front => ({
  ...ports,
  rules: OLLAMA_RULES,
  tokens: { application: ollama, provisioner },
})
