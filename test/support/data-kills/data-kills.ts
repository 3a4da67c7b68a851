import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { layoutOf } from '../../../infra/ownership/data-layout.ts'
import { COPY_FOLDER } from '../../../infra/servers/chroma-watchdog.ts'
import { layoutRecordOf, localPaths } from '../../../infra/settings/home-paths.ts'
import { readStackFile, type StackFile } from '../../../infra/settings/settings-file.ts'
import { databaseOf } from '../../../infra/shards.ts'
import { randomFrom } from '../../bench/knowledge/population.ts'
import { Draw } from '../kills/draw.ts'
import { freePort } from '../servers/ports.ts'
import { recordedPid } from '../stack/test-stack.ts'
import { EMBEDDING_MODEL, outputsOf } from '../store/deployment.ts'
import type { Work } from './data-worker.ts'
import { type CommandName, type Kill, PHASES, type Phase } from './phases.ts'
import { endServers, placeServers, stackFileIn, type UpgradeWork } from './upgrade-work.ts'
import { type Acknowledged, DIMENSION, textsOfVersion, versionOf } from './written.ts'

const WORKERS = import.meta.dirname
const COUNTS = [5, 8] as const
const MODELS = ['all-minilm:latest', 'other-embed:latest'] as const
const CHROMAS = ['1.5.8', '1.5.9'] as const
/** One of so many upgrades is taken back. */
const SPOILT = 3
const WRITERS = 2
const CREATORS_EACH = 20
/** Creators that are in the archives, and come back from them. */
const KEPT = ['kept 0', 'kept 1', 'kept 2']
/** Of one that is to be forgotten. */
const SECRETS = 3
/** Requests of these phases at which a command is killed: of so little it has no more of most others. */
const MANY: ReadonlySet<Phase> = new Set(['begin', 'copy', 'compare', 'put', 'look', 'read'])
const MOST_NTH = 5
/** One of so many commands has a writer stopped beside it. */
const STOPPED = 6
/** A command gives up for a server that is late. */
const LAST_TRIES = 3

/** How often a phase of a command was hit, before a request was sent and when it was answered. */
export interface PhaseHits {
  command: CommandName
  phase: Phase
  before: number
  after: number
}

export interface DataKills {
  seed: number
  hits: PhaseHits[]
  /** Commands that came to their end: their phase was not met as often. */
  ended: number
  /** Commands that met a server which was late, and ended: the next goes on. */
  gaveUp: number
  stops: number
  acknowledged: number
  /** Writes that failed: while their creator was being moved. */
  failed: number
  /** Creators who were forgotten, and of whom nothing was found in any file. */
  forgotten: number
  /** What cannot be: a document that is not as it was acknowledged, a command that cannot go on. */
  faults: string[]
  millis: number
}

/**
 * Kills commands on data in every phase of them, while two processes write, one of which is stopped at times.
 * @param pauses milliseconds for which it is stopped, one of which is drawn
 */
export async function runDataKills(
  seed: number,
  count: number,
  pauses: readonly number[],
  report: (line: string) => void = () => {},
): Promise<DataKills> {
  const started = performance.now()
  const world = await World.start(seed)
  const { draw, result } = world
  try {
    await sleep(1000)
    const hits = draw.shuffled(
      result.hits.filter(h => !process.env.ONLY || h.command === process.env.ONLY),
    )
    for (let at = 0; at < count; at += 1) {
      const hit = hits[at % hits.length]!
      const kill = {
        phase: hit.phase,
        // An upgrade comes to each of its steps once.
        nth: hit.command === 'upgrade' ? 1 : 1 + draw.below(MANY.has(hit.phase) ? MOST_NTH : 2),
        moment: draw.of(['before', 'after'] as const),
      }
      const known = result.faults.length
      const work = await world.prepared(hit.command, hit.phase)
      const stopping =
        draw.below(STOPPED) === 0 ? stopFor(draw.of(world.writers), draw.of(pauses)) : undefined
      if (stopping) result.stops += 1
      const ended = await world.run(work, kill)
      if (ended) result.ended += 1
      else hit[kill.moment] += 1
      await stopping
      if (at % 4 === 3) await world.compare()
      report(`${at + 1} ${hit.command} ${JSON.stringify(kill)} ${ended ? 'ended' : 'killed'}`)
      for (const fault of result.faults.slice(known)) report(`  ${fault}`)
    }
    await world.finish()
    return { ...result, millis: performance.now() - started }
  } finally {
    await world.end()
  }
}

class World {
  readonly draw: Draw
  readonly result: DataKills
  readonly writers: ChildProcess[] = []
  readonly #ports: number[]
  /** Folders of the servers' data. */
  readonly #data: string[]
  readonly #outputs: Outputs
  readonly #home: string
  readonly #store: ConnectedDeployment
  /** Texts by creator and document; undefined where nobody knows. */
  readonly #wanted = new Map<string, Map<string, string[] | undefined>>()
  /** Where the data is. */
  #place = { shards: 0, model: 0 }
  /** Index of the version that runs. */
  #version = 0
  /** An upgrade that was killed. */
  #upgrading: UpgradeWork | undefined
  /** A move that was killed. */
  #moving: (Work & { name: 'reshard' | 're-embed' }) | undefined
  /** Creators who were to be forgotten by a command that was killed, with their texts. */
  #pending = new Map<string, string[]>()
  #victims = 0
  #archive: string | undefined

  private constructor(
    seed: number,
    ports: number[],
    home: string,
    outputs: Outputs,
    store: ConnectedDeployment,
  ) {
    this.draw = new Draw(randomFrom(seed))
    this.#ports = ports
    this.#data = [...ports.keys()].map(localPaths(home).chroma)
    this.#home = home
    this.#outputs = outputs
    this.#store = store
    const phases = Object.entries(PHASES) as [CommandName, readonly Phase[]][]
    this.result = {
      seed,
      hits: phases.flatMap(([command, own]) =>
        own.map(phase => ({ command, phase, before: 0, after: 0 })),
      ),
      ended: 0,
      gaveUp: 0,
      stops: 0,
      acknowledged: 0,
      failed: 0,
      forgotten: 0,
      faults: [],
      millis: 0,
    }
  }

  static async start(seed: number): Promise<World> {
    const ports = [await freePort(), await freePort()]
    const home = await mkdtemp(join(tmpdir(), 'data-kills-'))
    const { settings } = await stackOf(home, CHROMAS[0])
    await placeServers(settings, ports)
    const own = outputsOf({
      chroma: ports.map(port => `http://127.0.0.1:${port}`),
      dimensions: DIMENSION,
      shards: COUNTS[0],
    })
    const other = { ...EMBEDDING_MODEL, name: MODELS[1], serves: MODELS[1], dimensions: DIMENSION }
    const outputs = { ...own, models: [...own.models, other] as Outputs['models'] }
    const world = new World(seed, ports, home, outputs, await openDeployment(outputs))
    for (const creator of KEPT) await world.#write(creator, 5)
    for (let writer = 0; writer < WRITERS; writer += 1) world.#startWriter(writer, seed + writer)
    for (const writer of world.writers) writer.send('go')
    return world
  }

  #startWriter(number: number, seed: number): void {
    const own = Array.from({ length: CREATORS_EACH }, (_, index) => `creator ${number} ${index}`)
    for (const creator of own) this.#wanted.set(creator, new Map())
    const argv = [JSON.stringify(this.#outputs), JSON.stringify(own), String(seed)]
    const child = fork(join(WORKERS, 'writer-worker.ts'), argv)
    child.on('message', (message: string | Acknowledged) => {
      if (typeof message === 'string') return
      const { creator, document, texts, wrong, failed } = message
      this.#wanted.get(creator)!.set(document, texts)
      if (failed === undefined) this.result.acknowledged += 1
      else this.result.failed += 1
      if (wrong) this.#fault(`${creator} ${document}: read ${wrong.join()} after ${texts}`)
    })
    this.writers.push(child)
  }

  /** What a command is to do next, and what it needs for it. Beside a move that was killed there is only its end. */
  async prepared(name: CommandName, phase?: Phase): Promise<Work> {
    const moves = name === 'reshard' || name === 're-embed'
    if (name !== 'upgrade') await this.#endUpgrade()
    if (this.#moving !== undefined && this.#moving.name !== name) await this.#toTheEnd(this.#moving)
    if (moves) {
      this.#moving ??= this.#nextMove(name)
      return this.#moving
    }
    if (name === 'forget') {
      for (let count = 0; count < 2; count += 1) await this.#addVictim()
      // As somebody asks again whose command was killed.
      const creators = [...this.#pending.keys()]
      return { name, creators, home: this.#home, data: this.#data }
    }
    if (name === 'upgrade') {
      this.#upgrading ??= await this.#nextUpgrade(phase === 'data')
      return this.#upgrading
    }
    if (name === 'doctor') return { name }
    if (name === 'backup') return this.#backup
    if (this.#archive === undefined) await this.#toTheEnd(this.#backup)
    const creator = this.draw.of(KEPT)
    await this.#store.knowledge().creator(creator).clear()
    return { name, home: this.#home, archive: this.#archive!, creator }
  }

  get #backup(): Work {
    return { name: 'backup', home: this.#home, place: join(this.#home, 'archives') }
  }

  /** @param isTakenBack whether it has to be, for the data to be put back; of others some are */
  async #nextUpgrade(isTakenBack: boolean): Promise<UpgradeWork> {
    const { path } = await stackOf(this.#home, CHROMAS[1 - this.#version]!)
    const spoils = this.draw.below(SPOILT) === 0 || isTakenBack
    return { name: 'upgrade', file: path, ports: this.#ports, data: this.#data, spoils }
  }

  async #endUpgrade(): Promise<void> {
    if (this.#upgrading !== undefined) await this.#toTheEnd(this.#upgrading)
  }

  #nextMove(name: 'reshard' | 're-embed') {
    const { shards, model } = this.#place
    const place = name === 'reshard' ? { shards: 1 - shards, model } : { shards, model: 1 - model }
    return { name, shards: COUNTS[place.shards]!, embeddingModel: MODELS[place.model]! }
  }

  /** @returns whether it came to its end */
  async run(work: Work, kill: Kill | null): Promise<boolean> {
    const argv = [this.#outputs, work, kill].map(part => JSON.stringify(part))
    const worker = fork(join(WORKERS, 'data-worker.ts'), argv, {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    let said = ''
    worker.stdout!.on('data', piece => {
      said += piece
    })
    const [code, signal] = await once(worker, 'close')
    if (code !== 0 && signal !== 'SIGKILL') this.result.gaveUp += 1
    const ended = code === 0
    await this.#hold(work, ended, ended ? JSON.parse(said) : {})
    return ended
  }

  /** Holds what is there to what the command has promised. */
  async #hold(
    work: Work,
    ended: boolean,
    done: { archive?: string; upgraded?: boolean },
  ): Promise<void> {
    if (work.name === 'upgrade' && ended) {
      this.#upgrading = undefined
      if (done.upgraded) this.#version = 1 - this.#version
      await this.#requireUpgraded()
    }
    if (work.name === 'reshard' || work.name === 're-embed') {
      if (!ended) return
      this.#moving = undefined
      this.#place = {
        shards: COUNTS.indexOf(work.shards as 5 | 8),
        model: MODELS.indexOf(work.embeddingModel as (typeof MODELS)[number]),
      }
    }
    if (work.name === 'forget' && ended) await this.#requireForgotten()
    if (work.name === 'backup') {
      const place = join(this.#home, 'archives')
      const names = await readdir(place).catch(() => [])
      const whole = names.filter(name => !name.endsWith('.partial'))
      if (ended) this.#archive = done.archive
      const known = this.#archive === undefined ? 0 : 1
      if (whole.length > known) this.#fault(`archives are there: ${whole.join()}`)
      // So that each is a folder of its own, whatever the clock says.
      for (const name of names) {
        if (join(place, name) !== this.#archive) await rm(join(place, name), { recursive: true })
      }
    }
    if (work.name === 'restore') await this.#requireRestored(work.creator, ended)
  }

  async #requireUpgraded(): Promise<void> {
    for (const data of this.#data) {
      const names = await readdir(data)
      if (names.includes(COPY_FOLDER)) this.#fault(`${data} has a copy left`)
    }
    const wanted = CHROMAS[this.#version]!
    const runs = await runningVersion(this.#home)
    if (runs !== wanted) this.#fault(`Chroma ${runs} runs in place of ${wanted}`)
    const text = 'Written again.'
    const vector = vectorFor(text, DIMENSION)
    await this.#store
      .knowledge()
      .creator('somebody')
      .upsert([{ id: 'a', chunks: [{ text, vector }] }])
      .catch(error => this.#fault(`After an upgrade: ${error}`))
  }

  async #requireForgotten(): Promise<void> {
    for (const [creator, texts] of this.#pending) {
      const left = await this.#store.knowledge().creator(creator).count()
      if (left > 0) this.#fault(`${creator} has ${left} chunks after it was forgotten`)
      for (const data of this.#data) {
        for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
          if (!entry.isFile()) continue
          const path = join(entry.parentPath, entry.name)
          const content = await readFile(path).catch(() => Buffer.alloc(0))
          const found = texts.filter(text => content.includes(text))
          if (found.length > 0) this.#fault(`${path} has ${found.join()}, which was forgotten`)
        }
      }
      this.result.forgotten += 1
    }
    this.#pending.clear()
  }

  async #requireRestored(creator: string, ended: boolean): Promise<void> {
    const found = (await this.#textsOf([creator])).get(creator)!
    for (const [document, texts] of this.#wanted.get(creator)!) {
      const there = (found.get(document) ?? []).join()
      const isRight = there === texts!.join() || (!ended && there === '')
      if (!isRight) this.#fault(`${creator} ${document}: ${there} came back of ${texts!.join()}`)
    }
    if (!ended) await this.#toTheEnd({ ...this.#restoreOf(creator) })
  }

  #restoreOf(creator: string): Work {
    return { name: 'restore', home: this.#home, archive: this.#archive!, creator }
  }

  async #toTheEnd(work: Work): Promise<void> {
    for (let tries = 0; tries < LAST_TRIES; tries += 1) {
      if (await this.run(work, null)) return
    }
    this.#fault(`${work.name} did not come to its end`)
  }

  /** Somebody who is to be forgotten, and has something. */
  async #addVictim(): Promise<void> {
    this.#victims += 1
    const creator = `victim ${this.#victims}`
    const texts = Array.from(
      { length: SECRETS },
      (_, index) => `What ${creator} has said as number ${index}, to nobody else.`,
    )
    const documents = texts.map((text, index) => {
      const vector = vectorFor(text, DIMENSION)
      return { id: `secret ${index}`, chunks: [{ text, vector }] }
    })
    await this.#store.knowledge().creator(creator).upsert(documents)
    this.#pending.set(creator, texts)
  }

  async #write(creator: string, documents: number): Promise<void> {
    const own = new Map<string, string[]>()
    for (let index = 0; index < documents; index += 1) {
      const [id, version] = [`document ${index}`, 1000 + index]
      await this.#store
        .knowledge()
        .creator(creator)
        .upsert([versionOf(id, version, 2)])
      own.set(id, textsOfVersion(version, 2))
    }
    this.#wanted.set(creator, own)
  }

  /** Texts by document, as a process reads them that knows of nothing. */
  async #textsOf(creators: readonly string[]): Promise<Map<string, Map<string, string[]>>> {
    const reader = await openDeployment(this.#outputs)
    const all = new Map<string, Map<string, string[]>>()
    try {
      for (const creator of creators) {
        const chunks = await reader.knowledge().creator(creator).get()
        const documents = Map.groupBy(chunks, ({ document }) => document)
        const texts = [...documents].map(([id, own]) => [id, own.map(({ text }) => text)] as const)
        all.set(creator, new Map(texts))
      }
      return all
    } finally {
      await reader.close()
    }
  }

  /** Every document is as it was acknowledged. */
  async compare(): Promise<void> {
    await this.#endUpgrade()
    for (const writer of this.writers) await pause(writer)
    const all = await this.#textsOf([...this.#wanted.keys()])
    for (const [creator, documents] of this.#wanted) {
      const found = all.get(creator)!
      for (const [document, texts] of documents) {
        const there = found.get(document) ?? []
        if (texts === undefined || there.join() === texts.join()) continue
        this.#fault(`${creator} ${document}: ${there.join()} in place of ${texts.join()}`)
      }
    }
    for (const writer of this.writers) writer.send('go')
  }

  /** Whatever was killed last comes to its end, and leaves nothing behind. */
  async finish(): Promise<void> {
    await this.#endUpgrade()
    if (this.#moving !== undefined) await this.#toTheEnd(this.#moving)
    if (this.#pending.size > 0) await this.#toTheEnd(await this.prepared('forget'))
    await this.#toTheEnd({ name: 'doctor' })
    await this.compare()
    const knowledge = this.#store.knowledge()
    const { generation, shards } = await knowledge.statistics()
    for (const server of this.#store.chroma) {
      for (let earlier = 1; earlier <= generation; earlier += 1) {
        const found = await server.collections(databaseOf(earlier))
        const names = found.map(({ name }) => name).filter(name => name.includes('shard'))
        const known = new Set(shards.map(({ collection }) => collection))
        const left = earlier < generation ? names : names.filter(name => !known.has(name))
        if (left.length > 0) this.#fault(`generation ${earlier} has ${left.join()} left`)
      }
    }
  }

  async end(): Promise<void> {
    for (const writer of this.writers) writer.kill('SIGKILL')
    await this.#store.close()
    await endServers((await stackOf(this.#home, CHROMAS[0])).settings, this.#ports)
    await rm(this.#home, { recursive: true, force: true })
  }

  #fault(text: string): void {
    this.result.faults.push(text)
  }
}

/** A stack's file whose Chroma is of a version, and the record that there is data. */
async function stackOf(home: string, chromaVersion: string): Promise<StackFile> {
  const file = stackFileIn(home)
  const config = { home, chromaVersion, instances: 2, shards: COUNTS[0] }
  const own = Object.entries(config).map(([key, value]) => [`knowledge-stack:${key}`, value])
  await writeFile(file, stringify({ config: Object.fromEntries(own) }))
  const stack = await readStackFile('test', file)
  const layout = layoutRecordOf(home)
  await mkdir(dirname(layout), { recursive: true })
  await writeFile(layout, JSON.stringify(layoutOf(stack.settings)))
  return stack
}

/** As the process of the first server says. */
async function runningVersion(home: string): Promise<string | undefined> {
  const pid = await recordedPid(join(localPaths(home).processes, 'chroma-0.json'))
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8')
  return /KNOWLEDGE_CHROMA_SERVER=(\S+)/.exec(command)?.[1]
}

async function pause(writer: ChildProcess): Promise<void> {
  const paused = new Promise<void>(resolve => {
    const hear = (message: unknown) => {
      if (message !== 'paused') return
      writer.off('message', hear)
      resolve()
    }
    writer.on('message', hear)
  })
  writer.send('pause')
  await paused
}

async function stopFor(writer: ChildProcess, millis: number): Promise<void> {
  writer.kill('SIGSTOP')
  await sleep(millis)
  writer.kill('SIGCONT')
}
