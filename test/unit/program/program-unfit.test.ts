import * as pulumi from '@pulumi/pulumi'
import { expect, it } from 'vitest'
import { Failure } from '../../../infra/failure.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { gateOnPlan } from '../../../provision/plan/deploy-decision.ts'
import { effectsOf } from '../../support/stack/effects.ts'

it('the program refuses a stack that cannot fit, with what would, and makes no resource', async () => {
  const made: string[] = []
  await pulumi.runtime.setMocks(
    {
      newResource(args) {
        made.push(args.name)
        return { id: args.name, state: args.inputs }
      },
      call: () => ({}),
    },
    'knowledge-stack',
    'dev',
  )
  const { deploy } = await import('../../../infra/program.ts')
  // 64 requests at a time of 131072 tokens each: more memory than any machine that runs this has.
  const config = {
    home: '/nowhere',
    chatModel: 'gpt-oss:20b',
    contextLength: '131072',
    parallel: '64',
  }
  const failure = await deploy(parseSettings('dev', config), effectsOf(gateOnPlan)).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(Failure)
  expect((failure as Failure).exitCode).toBe(1)
  expect((failure as Failure).message).toMatch(/ollama.*gpt-oss:20b.*short/s)
  expect((failure as Failure).mend).toMatch(/instead of gpt-oss:20b/)
  expect(made).toEqual([])
})
