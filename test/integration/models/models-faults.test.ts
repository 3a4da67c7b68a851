import { once } from 'node:events'
import { appendFile, mkdtemp, open, rm, truncate } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ollama } from 'ollama'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blobPath, readManifest } from '../../../checks/models/model-files.ts'
import type { Failure } from '../../../infra/failure.ts'
import { MiB, seconds } from '../../../infra/units.ts'
import { readLocks } from '../../../provision/models/locks.ts'
import type { ModelRequest } from '../../../provision/models/model-job.ts'
import { lockModel, provisionModel } from '../../../provision/models/provision-model.ts'
import { FaultyMirror } from '../../support/models/faulty-mirror.ts'
import { requestFor } from '../../support/models/model-request.ts'
import { tinyGptOss } from '../../support/models/tiny-gpt-oss.ts'
import { storeTinyModels } from '../../support/models/tiny-models.ts'
import { recordingTask } from '../../support/recording-task.ts'
import { type RunningOllama, startOllama } from '../../support/servers/ollama.ts'
import { storeModel } from '../../support/store/test-store.ts'

const NAME = 'nomic-embed-text:latest'

describe('obtaining a model', () => {
  let folder: string
  let mirror: FaultyMirror
  let server: RunningOllama

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'models-'))
    await storeTinyModels(join(folder, 'library'))
    mirror = await new FaultyMirror(join(folder, 'library')).start()
    server = await startOllama()
  })

  afterEach(async () => {
    await server.stop()
    await mirror.close()
    await rm(folder, { recursive: true, force: true })
  })

  const request = (changes: Partial<ModelRequest> = {}, name = NAME) =>
    requestFor(name, { mirror: mirror.source, stall: seconds(2), ...changes })

  const provision = async (wanted: ModelRequest, task = recordingTask().task) =>
    provisionModel(wanted, server, await readLocks(join(folder, 'models.lock.json')), task)

  const failure = (work: Promise<unknown>): Promise<Failure> =>
    work.then(
      () => expect.unreachable('it succeeded'),
      error => error,
    )

  const names = async () => (await new Ollama({ host: server.url }).list()).models.map(m => m.name)

  /** The file of the weights in the server's store. */
  const weights = async () => {
    const manifest = await readManifest(server.modelsFolder, NAME)
    return blobPath(server.modelsFolder, manifest!.layers[0]!.digest)
  }

  it('gives up on a mirror that stalls, says how far it came, and goes on from there later', async () => {
    mirror.defect = 'stalls'
    const error = await failure(provision(request()))

    expect(error).toMatchObject({ name: 'Failure', kind: 'unavailable', exitCode: 3 })
    expect(error.message).toContain(NAME)
    expect(error.message).toContain(`mirror ${mirror.source.host}/library: no new byte for 2.0 s`)
    expect(error.message).toMatch(/4\.0 MiB of 14\.0 MiB/)
    expect(error.mend).toContain('run it again')

    mirror.defect = undefined
    mirror.starts.length = 0
    expect(await provision(request())).toMatchObject({ changed: true })
    expect(mirror.starts[0]).toBe(4 * MiB)
  })

  it('goes on when the mirror keeps closing connections, and reports bytes, rate and time left', async () => {
    mirror.defect = 'closes'
    const { task, reports } = recordingTask()
    const wanted = request({ stall: seconds(10) })
    expect(await provision(wanted, task)).toMatchObject({ changed: true })
    expect(mirror.starts).toContain(8 * MiB)
    expect(reports).toContainEqual(
      expect.stringMatching(/^8\.0 MiB of 14\.\d MiB, [\d.]+ \w+\/s, .* left, from mirror /),
    )
  })

  it.each([
    ['truncates', 'digest mismatch'],
    ['corrupts', 'digest mismatch'],
    ['fails', 'no new byte for 2.0 s'],
  ] as const)('obtains nothing from a mirror that %s what it gives', async (defect, reason) => {
    mirror.defect = defect
    const error = await failure(provision(request()))
    expect(error).toMatchObject({ kind: 'unavailable' })
    expect(error.message).toContain(reason)
    expect(await names()).toEqual([])
  })

  it('says of each source why it did not serve', async () => {
    await mirror.close()
    const { host } = mirror.source
    const error = await failure(provision(request()))
    expect(error.message).toMatch(new RegExp(`mirror ${host}/library: .*connection refused`))
    expect(error.message).toMatch(/\n {2}library: .*registry\.ollama\.ai/)
  })

  it('does not wait for a registry that takes a connection and says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const mute = { host, namespace: 'library', insecure: true }
    const error = await failure(provision(request({ mirror: mute })))
    expect(error.message).toContain(`mirror ${host}/library: no answer within 2.0 s`)
    silent.close()
  })

  it('says that a mirror does not have the model', async () => {
    const error = await failure(provision(request({}, 'llama2:7b')))
    expect(error.message).toMatch(/^llama2:7b could not be obtained from any of its sources:/)
    expect(error.message).toMatch(/mirror .*: pull model manifest: file does not exist/)
  })

  it('finds a file that was damaged on disk, and mends it', async () => {
    const { source } = await provision(request())
    const file = await open(await weights(), 'r+')
    await file.write('x', 8 * MiB)
    await file.close()

    const { task, reports } = recordingTask()
    expect(await provision(request(), task)).toMatchObject({ source, changed: true })
    expect(reports).toContainEqual(expect.stringMatching(/holds sha256:\w+: obtaining it again/))
    expect(await provision(request())).toMatchObject({ changed: false })
  })

  it.each([
    ['cut short', (path: string) => truncate(path, 5 * MiB), 'has 5.0 MiB instead of 14.0 MiB'],
    ['too long', (path: string) => appendFile(path, 'x'.repeat(MiB)), 'has 15.0 MiB instead'],
    ['missing', (path: string) => rm(path), 'is missing'],
  ])('mends a file that is %s', async (_, damage, reason) => {
    await provision(request())
    await damage(await weights())

    const { task, reports } = recordingTask()
    expect(await provision(request(), task)).toMatchObject({ changed: true })
    expect(reports.join('\n')).toContain(reason)
  })

  it('refuses another model under the same name, and leaves what was served', async () => {
    const first = await provision(request())
    await new Ollama({ host: server.url }).delete({ model: NAME })
    await storeModel(join(folder, 'library'), NAME, { gguf: tinyGptOss(), family: 'gptoss' })

    const error = await failure(provision(request()))

    expect(error).toMatchObject({ kind: 'refused', exitCode: 1 })
    expect(error.message).toContain(`${NAME} from mirror ${mirror.source.host}/library`)
    expect(error.message).toMatch(/models\.lock\.json has [0-9a-f]{64}, seen is [0-9a-f]{64}/)
    expect(error.mend).toContain('npm run models -- --write-lock')
    expect(await names()).toEqual([first.serves])
  })

  it('takes another model under the same name once it is locked', async () => {
    await provision(request({}, 'gpt-oss:20b'))
    await new Ollama({ host: server.url }).delete({ model: 'gpt-oss:20b' })
    const other = { gguf: tinyGptOss(), family: 'gptoss', template: '{{ .Prompt }}' }
    await storeModel(join(folder, 'library'), 'gpt-oss:20b', other)

    const wanted = request({}, 'gpt-oss:20b')
    const trackedFile = join(folder, 'tracked.json')
    const locks = () => readLocks(join(folder, 'models.lock.json'), trackedFile)
    const { task } = recordingTask()
    await lockModel(wanted, server, await locks(), task, trackedFile)

    expect(await provisionModel(wanted, server, await locks(), task)).toMatchObject({
      changed: true,
      lockedBy: 'lock',
    })
    const { template } = await new Ollama({ host: server.url }).show({ model: wanted.serves })
    expect(template).toBe('{{ .Prompt }}')
  })

  it('has time for all of it, and no more', async () => {
    mirror.defect = 'stalls'
    const error = await failure(provision(request({ stall: seconds(60), deadline: seconds(2) })))
    expect(error).toMatchObject({ kind: 'unavailable' })
    expect(error.message).toMatch(/nomic-embed-text:latest was not there after 2\.0 s: .*4\.0 MiB/)
  })

  it.each([
    ['waits for bytes', 'stalls', '4.0 MiB of'],
    // Ollama pauses between tries of its own, and holds on to the pull until the pause is over.
    ['tries again', 'fails', '0 B of'],
  ] as const)(
    'stops while Ollama %s, and goes on at once when run again',
    async (_, defect, seen) => {
      mirror.defect = defect
      const interrupt = new AbortController()
      const { task } = recordingTask(interrupt.signal)
      const running = failure(
        provision(request({ stall: seconds(60) }), {
          ...task,
          report: text => text.includes(seen) && interrupt.abort('Ctrl-C'),
        }),
      )
      expect(await running).toBe('Ctrl-C')

      mirror.defect = undefined
      expect(await provision(request())).toMatchObject({ changed: true })
    },
  )

  it('says that the model does not fit on the disk before it asks for it', async () => {
    const { definition } = request()
    const error = await failure(
      provision(request({ definition: { ...definition, sizeBytes: 2 ** 60 } })),
    )
    expect(error).toMatchObject({ kind: 'unavailable' })
    expect(error.message).toContain(`but ${server.modelsFolder} has`)
    expect(error.mend).toContain('free ')
    expect(mirror.starts).toEqual([])
  })

  it('names the server when Ollama does not answer', async () => {
    await server.stop()
    const error = await failure(provision(request()))
    expect(error).toMatchObject({ kind: 'unavailable' })
    expect(error.message).toContain(`Ollama at ${server.url} cannot be reached`)
  })

  it('names the server when Ollama dies in the middle', async () => {
    mirror.defect = 'stalls'
    const { task } = recordingTask()
    const error = await failure(
      provision(request({ stall: seconds(60) }), {
        ...task,
        report: text => text.includes('4.0 MiB of') && void server.stop(),
      }),
    )
    expect(error).toMatchObject({ kind: 'unavailable' })
    expect(error.message).toContain(`Ollama at ${server.url} cannot be reached`)
  })
})
