import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../../infra/failure.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { watched } from '../../../provision/targets/watched.ts'
import { recordingTask } from '../../support/recording-task.ts'

const settings = parseSettings('dev', {})
const HOPELESS = new Failure('unavailable', 'an image cannot be pulled')
const hopeful = { findHopeless: async () => undefined }
const hopeless = { findHopeless: async () => HOPELESS }

/** An update that ends only when it is told to. */
const endless = async ({ signal }: { signal: AbortSignal }): Promise<never> => {
  if (!signal.aborted) await once(signal, 'abort')
  throw new Failure('interrupted', 'pulumi up was interrupted')
}

describe('an update that is watched', () => {
  it('ends as it ends by itself', async () => {
    const { task } = recordingTask()
    expect(await watched(hopeful, settings, task, async () => 'done')).toBe('done')
    expect(await watched(hopeless, settings, task, async () => 'done')).toBe('done')
  })

  it('is told to stop when it waits in vain, and ends with that reason', async () => {
    const { task } = recordingTask()
    await expect(watched(hopeless, settings, task, endless)).rejects.toBe(HOPELESS)
  })

  it('ends with what its target has to say of its failure, else with the failure', async () => {
    const { task } = recordingTask()
    const failure = new Error('context deadline exceeded')
    const failing = () => Promise.reject(failure)
    await expect(watched(hopeless, settings, task, failing)).rejects.toBe(HOPELESS)
    await expect(watched(hopeful, settings, task, failing)).rejects.toBe(failure)
    const mute = { findHopeless: () => Promise.reject(new Error('no cluster')) }
    await expect(watched(mute, settings, task, failing)).rejects.toBe(failure)
  })

  it('ends as interrupted when it is interrupted, whatever its target says', async () => {
    const stop = new AbortController()
    const { task } = recordingTask(stop.signal)
    const running = watched(hopeless, settings, task, endless)
    const reason = new Failure('interrupted', 'Interrupted by SIGINT')
    stop.abort(reason)
    await expect(running).rejects.toBe(reason)
  })
})
