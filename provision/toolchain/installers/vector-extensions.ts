import { readFile } from 'node:fs/promises'

/** What ggml computes with where it may: an Ollama without is some ten times slower. CPUs since 2013 have all of them. */
const EXTENSIONS = ['avx2', 'fma', 'f16c', 'bmi2']

/**
 * The vector instructions of this machine that a C compiler is to use, by the names of its `-m` flags.
 * @returns none where the machine does not have them all, or does not tell
 */
export async function vectorExtensions(read: () => Promise<string> = readCpus): Promise<string[]> {
  const flags = /^flags\s*:(.*)$/m.exec(await read().catch(() => ''))?.[1]?.split(' ') ?? []
  return EXTENSIONS.every(extension => flags.includes(extension)) ? EXTENSIONS : []
}

const readCpus = () => readFile('/proc/cpuinfo', 'utf8')
