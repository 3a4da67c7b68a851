import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { hashFile, readPieces } from '../../checks/models/hash-file.ts'
import { blobPath, readManifest } from '../../checks/models/model-files.ts'
import { reasonOf } from '../../infra/failure.ts'
import type { Task } from '../progress.ts'
import { createModel } from './create.ts'
import { headersOf, type OllamaStore } from './provisioning-client.ts'
import { serverFailure } from './server-failure.ts'
import { SourceProblem } from './source-problem.ts'
import type { WeightFile } from './weights.ts'

/**
 * Makes a model of files: each is handed to Ollama as a blob, streamed, and named with its path, which the
 * `ollama create` command forgets for files in sub-folders.
 * @throws SourceProblem when Ollama cannot make a model of them
 * @throws Failure `unavailable` when Ollama does not answer, or its disk is full
 */
export async function importModel(
  name: string,
  weights: WeightFile[],
  server: OllamaStore,
  task: Task,
): Promise<void> {
  try {
    const files: Record<string, string> = {}
    const uploaded: string[] = []
    for (const file of weights) {
      const digest = `sha256:${await hashFile(file.path, file.size, task)}`
      files[file.name] = digest
      if (await upload(file, digest, server, task)) uploaded.push(digest)
    }
    await createModel({ model: name, files }, server, task)
    await removeSpares(name, uploaded, server)
  } catch (error) {
    task.signal.throwIfAborted()
    const failure = await serverFailure(error, name, server)
    throw failure ?? new SourceProblem(reasonOf(error), { cause: error })
  }
}

/** @returns false when Ollama has the file already */
async function upload(
  { path, name, size }: WeightFile,
  digest: string,
  server: OllamaStore,
  task: Task,
): Promise<boolean> {
  const { signal } = task
  const headers = headersOf(server)
  const blob = `${server.url}/api/blobs/${digest}`
  if ((await fetch(blob, { method: 'HEAD', headers, signal })).ok) return false
  const content = readPieces(path, size, `handing over ${name}`, task)
  const answer = await fetch(blob, {
    method: 'POST',
    headers,
    body: Readable.toWeb(Readable.from(content)),
    duplex: 'half',
    signal,
  })
  if (!answer.ok) throw new Error(`${name}: ${await answer.text()}`)
  return true
}

/** What was handed over to be converted is no part of the model, and nothing else ever removes it. */
async function removeSpares(
  name: string,
  uploaded: string[],
  { modelsFolder }: OllamaStore,
): Promise<void> {
  const manifest = modelsFolder && (await readManifest(modelsFolder, name))
  if (!manifest) return
  const parts = new Set(manifest.layers.map(layer => layer.digest))
  for (const digest of uploaded.filter(digest => !parts.has(digest))) {
    await rm(blobPath(modelsFolder, digest), { force: true })
  }
}
