import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { findHopeless } from '../../../provision/cluster/hopeless.ts'

const SINCE = Date.UTC(2030, 0, 1, 12)
const SECOND = 1000

/** A pod of one container. */
const pod = (
  container: object,
  { name = 'ollama-cpu-0', at = SINCE + SECOND, owner = 'StatefulSet', ended = false } = {},
): V1Pod =>
  ({
    metadata: {
      name,
      creationTimestamp: new Date(at),
      ownerReferences: [{ kind: owner }],
      ...(ended && { deletionTimestamp: new Date(at) }),
    },
    status: {
      containerStatuses: [
        { name: 'keeper', image: 'keeper:1', ready: false, restartCount: 0, ...container },
      ],
    },
  }) as unknown as V1Pod

/** The same with what the scheduler says of it. */
const conditioned = (pod: V1Pod, says: object, at: number): V1Pod => {
  const condition = { type: 'PodScheduled', lastTransitionTime: new Date(at), ...says }
  return { ...pod, status: { ...pod.status, conditions: [condition] } } as unknown as V1Pod
}

const look = (pods: V1Pod[], log = '', now = SINCE + 10 * SECOND) =>
  findHopeless(pods, async () => log, { since: SINCE, now })

const waiting = (reason: string, message = 'why') => ({ state: { waiting: { reason, message } } })
const GAVE_UP = 'nobody/knows could not be brought in: file does not exist [unavailable]'

describe('pods that an update waits for', () => {
  it.each(['InvalidImageName', 'ErrImageNeverPull'])(
    'wait in vain for an image: %s',
    async reason => {
      const failure = await look([pod(waiting(reason, 'not found'))])
      expect(failure?.message).toMatch(/keeper of pod ollama-cpu-0.*keeper:1.*not found/)
      expect(failure?.exitCode).toBe(3)
    },
  )

  it('wait in vain for an image that could not be pulled for minutes, and not after a first try', async () => {
    const failed = pod(waiting('ImagePullBackOff', 'not found'))
    expect(await look([failed])).toBeUndefined()
    const failure = await look([failed], '', SINCE + 150 * SECOND)
    expect(failure?.message).toMatch(/keeper of pod ollama-cpu-0.*keeper:1.*not found/)
    expect(failure?.exitCode).toBe(3)
    const bound = conditioned(failed, { status: 'True' }, SINCE + 100 * SECOND)
    expect(await look([bound], '', SINCE + 150 * SECOND)).toBeUndefined()
  })

  it('are not told of what one container says while another one’s image is still being pulled', async () => {
    const both = pod({})
    const [keeper] = both.status!.containerStatuses!
    const server = { ...keeper!, name: 'ollama', image: 'ollama:9', ...waiting('ErrImagePull') }
    both.status!.containerStatuses!.push(server as never)
    expect(await look([both], GAVE_UP)).toBeUndefined()
    const failure = await look([both], GAVE_UP, SINCE + 150 * SECOND)
    expect(failure?.message).toMatch(/Container ollama of pod ollama-cpu-0.*ollama:9/)
  })

  it('wait in vain for a node when the scheduler found none for minutes, and are told its reason', async () => {
    const reason = { status: 'False', reason: 'Unschedulable', message: '0/3 nodes: Insufficient' }
    const unbound = conditioned(pod({}), reason, SINCE + 10 * SECOND)
    expect(await look([unbound], '', SINCE + 100 * SECOND)).toBeUndefined()
    const failure = await look([unbound], '', SINCE + 150 * SECOND)
    expect(failure?.message).toBe('No node takes pod ollama-cpu-0: 0/3 nodes: Insufficient')
    expect(failure?.mend).toMatch(/describe pod ollama-cpu-0.*npm run plan/)
    expect(failure?.exitCode).toBe(3)
  })

  it('have the time that an autoscaler needs for nodes which settings describe', async () => {
    const unbound = conditioned(pod({}), { status: 'False', reason: 'Unschedulable' }, SINCE)
    const moment = (now: number) => ({ since: SINCE, now, nodesMayCome: true })
    const log = async () => ''
    expect(await findHopeless([unbound], log, moment(SINCE + 300 * SECOND))).toBeUndefined()
    expect(await findHopeless([unbound], log, moment(SINCE + 660 * SECOND))).toBeDefined()
  })

  it.each(['ContainerCreating', 'ErrImagePull', 'PodInitializing'])(
    'may still become ready while they are at %s',
    async reason => {
      expect(await look([pod(waiting(reason))])).toBeUndefined()
    },
  )

  it('wait in vain when a container says so of itself, in its words and with its exit code', async () => {
    const log = `pulling manifest\n${GAVE_UP}\nTrying again in 1 min 0 s\n`
    const failure = await look([pod({ state: { running: {} } })], log)
    expect(failure?.message).toMatch(/nobody\/knows could not be brought in: file does not exist$/)
    expect(failure?.kind).toBe('unavailable')
  })

  it('do not wait in vain for a log that says nothing final, or that of a container which is ready', async () => {
    expect(await look([pod({ state: { running: {} } })], 'pulling 10 %')).toBeUndefined()
    expect(await look([pod({ ready: true, state: { running: {} } })], GAVE_UP)).toBeUndefined()
  })

  it('wait in vain for a container that ended again and again, and never for one that ended well', async () => {
    const ended = { lastState: { terminated: { reason: 'OOMKilled', message: 'killed' } } }
    const failure = await look([pod({ restartCount: 3, ...ended })])
    expect(failure?.message).toMatch(/again and again: OOMKilled: killed/)
    expect(await look([pod({ restartCount: 2, ...ended })])).toBeUndefined()
    expect(await look([pod({ state: { terminated: { exitCode: 0 } } })], GAVE_UP)).toBeUndefined()
  })

  it('tell of a failed verification what it found', async () => {
    const log = 'chroma-answers: failed\nVerification failed: chroma-answers: silent [refused]\n'
    const job = pod({ state: { terminated: { exitCode: 1 } } }, { owner: 'Job' })
    const failure = await look([job], log)
    expect(failure?.message).toMatch(/Verification failed: chroma-answers: silent/)
    expect(failure?.exitCode).toBe(1)
  })

  it('are let be while the update may still replace them, or when they go', async () => {
    const older = { at: SINCE - 60 * SECOND }
    const broken = waiting('InvalidImageName')
    expect(await look([pod(broken, older)])).toBeUndefined()
    expect(await look([pod(broken, older)], '', SINCE + 90 * SECOND)).toBeDefined()
    expect(await look([pod(broken, { ended: true })])).toBeUndefined()
    const failed = { state: { terminated: { exitCode: 1 } } }
    const job = pod(failed, { ...older, owner: 'Job' })
    expect(await look([job], GAVE_UP, SINCE + 90 * SECOND)).toBeUndefined()
  })
})
