import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { generationOf } from '../../../infra/settings/ollama-version.ts'
import { probeVersion } from '../../../provision/toolchain/probe.ts'
import type { Tool } from '../../../provision/toolchain/toolchain.ts'

/** Names the binary of an Ollama that the suites are to run with in place of the default one. */
const VARIABLE = 'KNOWLEDGE_STACK_TEST_OLLAMA'

/** The Ollama that the variable names; undefined where it names none. */
export async function namedOllama(): Promise<Tool | undefined> {
  const binary = process.env[VARIABLE]
  if (!binary) return undefined
  if (!existsSync(binary)) throw new Error(`${VARIABLE} is ${binary}, which is not there`)
  const task = { report() {}, signal: new AbortController().signal }
  return {
    part: 'ollama',
    origin: 'path',
    why: `named by ${VARIABLE}`,
    version: await probeVersion('ollama', [binary], process.env, task),
    command: [binary],
    binFolders: [dirname(binary)],
  }
}

/** The same where it runs models as Ollama does from 0.30 on. */
export async function spawningOllama(): Promise<Tool | undefined> {
  const named = await namedOllama()
  return named && generationOf(named.version) === 'spawning' ? named : undefined
}

/** What suites are called that need one, so that they say why they are skipped. */
export const NEEDS_NAMED = `(needs an Ollama that is named: ${VARIABLE})`
export const NEEDS_SPAWNING = `(needs an Ollama of 0.30 or newer: ${VARIABLE})`
