import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ALL } from '../../checks/all-checks.ts'
import type { CheckResult, Report } from '../../checks/report.ts'
import { runChecks } from '../../checks/run-checks.ts'
import { memoryOfProcess } from '../../provision/processes/process-usage.ts'
import { casesOf } from '../support/searches.ts'
import { snapshot } from '../support/stack/snapshot.ts'
import { DEFECTS } from './defects.ts'
import { startWorld, type World } from './world.ts'

const SOUND_RUNS = casesOf('verifications of a sound deployment')
/** The sound deployment has no fronts. */
const NOTHING_THERE = ['routes-closed']
/** It tells how this Chroma is, which is no fault of a deployment. */
const NEVER_FAILS = ['collection-reach']

describe('the verification', () => {
  let world: World
  let before: unknown[]

  beforeAll(async () => {
    world = await startWorld()
    before = await snapshot(world.real)
  })
  afterAll(() => world?.stop())

  const run = (outputs = world.outputs, deep = false) =>
    runChecks(outputs, {
      readOnly: false,
      deep,
      memoryOfProcess,
      signal: new AbortController().signal,
    })

  const found = (report: Report, verdict: CheckResult['verdict']) =>
    report.checks.filter(check => check.verdict === verdict)

  const named = (checks: CheckResult[]) => checks.map(({ name, detail }) => ({ name, detail }))

  it(`finds nothing wrong with a sound deployment, ${SOUND_RUNS} times in a row`, async () => {
    for (let count = 0; count < SOUND_RUNS; count += 1) {
      const report = await run(world.outputs, count % 2 === 0)
      expect(named(found(report, 'failed'))).toEqual([])
      expect(named(found(report, 'unchecked'))).toEqual([])
      expect(found(report, 'skipped').map(({ name }) => name)).toEqual(NOTHING_THERE)
      expect(report.verdict).toBe('passed')
    }
    expect(await snapshot(world.real)).toEqual(before)
  })

  it('tells that this Chroma hands a collection to whoever knows its UUID, and what closes it', async () => {
    const { checks } = await run()
    const told = checks.find(({ name }) => name === 'collection-reach')
    expect(told).toMatchObject({ verdict: 'passed' })
    expect(told?.notes).toEqual([expect.stringMatching(/whoever knows its UUID.*what closes it/)])
  })

  describe('of a deployment with a defect', () => {
    let mend: (() => Promise<unknown>) | undefined

    afterEach(async () => {
      for (const server of [world.chroma, world.ollama]) server.fault = undefined
      for (const gate of Object.values(world.gates)) gate.mode = 'open'
      await mend?.()
      mend = undefined
      expect(await snapshot(world.real)).toEqual(before)
    })

    it.each(DEFECTS)('catches it: $defect', async ({ make, caughtBy, says, deep }) => {
      const made = await make(world)
      mend = made.mend
      const failures = found(await run(made.outputs, deep), 'failed')
      const expected = caughtBy.map(name => ({ name, detail: expect.any(String) }))
      expect(named(failures)).toEqual(expected)
      expect(failures[0]?.detail).toMatch(says)
    })

    it('has for every check one that it must catch', () => {
      const catching = new Set(DEFECTS.flatMap(({ caughtBy }) => caughtBy))
      const names = ALL.map(({ name }) => name).filter(name => !NEVER_FAILS.includes(name))
      expect(names.filter(name => !catching.has(name))).toEqual([])
    })
  })
})
