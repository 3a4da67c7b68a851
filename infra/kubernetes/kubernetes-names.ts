/**
 * Names that stay: a StatefulSet, its Service, a claim or a namespace that came back under another name would come
 * back empty, and addresses in the outputs are made of them.
 */
export const CHROMA = 'chroma'
export const OLLAMA = 'ollama'
export const API = 'api'
export const VERIFICATION_JOB = 'verification'
export const BACKUP = 'backup'
export const MOVE_JOB = 'reshard'
/** What the API is given: outputs, with tokens in them, and keys. */
export const API_FILES = 'deployment'
/** What the data was laid out for. */
export const LAYOUT = 'layout'

/** @param pool of the plan: `cpu`, `gpu`, `gpu-1`, … */
export const ollamaName = (pool: string): string => `ollama-${pool}`

/** The Service that gives each pod of a StatefulSet its own address. */
export const podServiceName = (name: string): string => `${name}-pods`

/** The claim that the StatefulSet controller takes for a pod: `<template>-<set>-<ordinal>`. */
export const claimName = (set: string, ordinal: number): string => `${DATA}-${set}-${ordinal}`

/** The volume with what must not be lost. */
export const DATA = 'data'

/** What every object of a stack is marked with, and its pods are selected by. */
export interface Labels extends Record<string, string> {
  'app.kubernetes.io/name': string
  'app.kubernetes.io/component': string
}

export const PART_OF = { 'app.kubernetes.io/part-of': 'knowledge-stack' }

/** On every object of a stack: the id of the stack's owner (infra/ownership/owner.ts). Pods and claims of pods go by their sets. */
export const OBJECT_OWNER_LABEL = 'knowledge-stack/owner'

/**
 * @param component the workload's name
 * @param kind what selects several workloads at once: all Ollama pools
 */
export const objectLabels = (component: string, kind: string = component): Labels => ({
  ...PART_OF,
  'app.kubernetes.io/name': kind,
  'app.kubernetes.io/component': component,
})

/** A selector as the API takes it in a query: `a=b,c=d`. */
export const selectorOf = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
