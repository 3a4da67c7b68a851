import { join } from 'node:path'

/** The volume of an Ollama pod, as all its containers see it. */
export const STORE = '/store'
/** Ollama's models. */
export const MODELS = join(STORE, 'models')
/** What was seen of models that the tracked lock file does not know; it lives as long as they do. */
export const LOCK_RECORD = join(STORE, 'state', 'models.lock.json')
