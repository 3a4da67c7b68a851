import { join } from 'node:path'

/** Folder of binaries of the official providers, to be used in place of what stands in for them. */
const OFFICIAL = process.env.KNOWLEDGE_STACK_PROVIDERS

/** Folders with the provider of a package, for PATH. */
export const providerFolder = (name: 'docker' | 'kubernetes'): string =>
  OFFICIAL ?? join(import.meta.dirname, '..', `${name}-provider`)

/** For tables. */
export const providerKind = OFFICIAL === undefined ? 'stand-in' : 'official provider'
