import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'
import { POOLS } from '../../support/cluster/fleet/pools.ts'
import { clusterStack } from '../../support/kubernetes/cluster-stack.ts'
import type { TestStack } from '../../support/stack/test-stack.ts'

describe('pods that no node of a simulated fleet takes', () => {
  let fleet: Fleet
  let stack: TestStack

  beforeAll(async () => {
    fleet = await startFleet(POOLS.slice(0, 1))
    stack = await clusterStack(fleet.kubeconfig, {
      creators: 1000,
      deployUnfit: true,
      // More than any node here has.
      chatModel: 'gpt-oss:20b',
      kubernetes: { verification: false },
    })
  })
  afterAll(async () => {
    await stack?.end()
    await fleet?.stop()
  })

  it('end the update with the scheduler’s reason, and the next one goes on', async () => {
    expect(await stack.run('up')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /No node takes pod ollama-cpu-0: 0\/3 nodes are available.*Insufficient memory/,
      ),
    })
    Object.assign(stack.config, { chatModel: 'smollm2:135m' })
    const mended = await stack.run('up')
    expect(mended.stderr).toMatch(/✔ pulumi up: /)
    expect(await stack.run('down')).toMatchObject({ code: 0 })
  })
})
