import { readdir, readFile } from 'node:fs/promises'

/** The processes that a server has started and that still run, such as the runners of an Ollama. */
export async function runnersOf(server: number): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const isRunning = !/^State:\tZ/m.test(status)
    if (isRunning && new RegExp(`^PPid:\\t${server}$`, 'm').test(status)) found.push(Number(pid))
  }
  return found
}
