import type { MadeSecrets } from '../resources.ts'
import type { AuthProxy } from './nginx.ts'
import { CHROMA_RULES, OLLAMA_RULES } from './routes.ts'

/** Where a front listens, and its server behind it. */
type Ports = Pick<AuthProxy, 'listen' | 'upstream'>
type Tokens = MadeSecrets['tokens']

export const chromaAuthProxy = ({ chroma }: Tokens, ports: Ports): AuthProxy => ({
  ...ports,
  rules: CHROMA_RULES,
  tokens: { application: chroma },
})

export const ollamaAuthProxy = ({ ollama, provisioner }: Tokens, ports: Ports): AuthProxy => ({
  ...ports,
  rules: OLLAMA_RULES,
  tokens: { application: ollama, provisioner },
})
