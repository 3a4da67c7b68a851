import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { OLLAMA_DATA } from '../../../infra/docker/data-paths.ts'
import { ollamaEnvironment } from '../../../infra/servers/ollama-environment.ts'
import { Images } from '../../../infra/settings/image-settings.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { type Bytes, KiB } from '../../../infra/units.ts'

const POLL_MS = 100

/** The stack's Ollama in a container that is held to a limit of memory, on the host's own network. */
export class HeldOllama {
  readonly #container: Docker.Container
  readonly #pid: number
  readonly #oomFile: string

  private constructor(container: Docker.Container, pid: number, oomFile: string) {
    this.#container = container
    this.#pid = pid
    this.#oomFile = oomFile
  }

  /** @param limit bytes; 0 for none */
  static async start(
    docker: Docker,
    settings: Settings,
    volume: string,
    limit: Bytes,
  ): Promise<HeldOllama> {
    const { port } = settings.ollama
    const environment = ollamaEnvironment(settings, {
      port,
      modelsFolder: `${OLLAMA_DATA}/models`,
      models: settings.models.length,
    })
    const container = await docker.createContainer({
      Image: Images.parse({}).ollama,
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      HostConfig: {
        Init: true,
        NetworkMode: 'host',
        Binds: [`${volume}:${OLLAMA_DATA}`],
        Memory: limit,
        MemorySwap: limit,
      },
    })
    await container.start()
    const { State } = await container.inspect()
    const held = new HeldOllama(container, State.Pid, await oomFileOf(State.Pid))
    const url = `http://127.0.0.1:${port}/api/version`
    while (!(await fetch(url).catch(() => undefined))?.ok) await sleep(POLL_MS)
    return held
  }

  /** The most that its processes have had in memory of their own. */
  async peak(): Promise<Bytes> {
    const { Titles, Processes } = await this.#container.top({ ps_args: '-eo pid' })
    const pids: string[] = Processes.map((row: string[]) => row[Titles.indexOf('PID')])
    const own = await Promise.all(pids.map(ownPeak))
    return own.reduce((sum, bytes) => sum + bytes, 0)
  }

  /** How many of its processes the kernel has ended for memory. */
  async oomKills(): Promise<number> {
    const text = await readFile(this.#oomFile, 'utf8').catch(() => undefined)
    if (text !== undefined) return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
    return (await this.#container.inspect()).State.OOMKilled ? 1 : 0
  }

  async end(): Promise<void> {
    await this.#container.remove({ force: true })
    while (await readFile(`/proc/${this.#pid}/status`).catch(() => undefined)) await sleep(POLL_MS)
  }
}

async function ownPeak(pid: string): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kibibytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
  return (kibibytes('VmHWM') - kibibytes('RssFile')) * KiB
}

/** Where the control group of a process counts kills: its first version has a hierarchy for memory alone. */
async function oomFileOf(pid: number): Promise<string> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8')
  const v1 = /^\d+:memory:(.*)$/m.exec(groups)?.[1]
  return v1 === undefined
    ? `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)?.[1]}/memory.events`
    : `/sys/fs/cgroup/memory${v1}/memory.oom_control`
}
