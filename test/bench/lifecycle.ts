import { availableParallelism } from 'node:os'
import { runChecks } from '../../checks/run-checks.ts'
import type { Fetch } from '../../checks/transport/connection.ts'
import { apiProcess } from '../../infra/local/api-process.ts'
import { chromaProcess } from '../../infra/local/chroma-process.ts'
import { ollamaProcess } from '../../infra/local/ollama-process.ts'
import { Outputs } from '../../infra/outputs.ts'
import { readStackFile } from '../../infra/settings/settings-file.ts'
import { removeProcessRecord } from '../../provision/processes/process-record.ts'
import { runnable } from '../../provision/processes/program-command.ts'
import { startProcess } from '../../provision/processes/start-process.ts'
import { stopProcess } from '../../provision/processes/stop-process.ts'
import { PulumiEngine } from '../../provision/pulumi/pulumi-engine.ts'
import { TestStack } from '../support/stack/test-stack.ts'
import { realTools } from '../support/toolchain/toolchain.ts'
import { type Bench, median } from './bench.ts'
import { emptyProgram } from './empty-program.ts'

const RUNS = 5

interface Figures {
  /** Milliseconds of each run. */
  up: number[]
  upAgain: number[]
  verify: number[]
  /** The servers started by a bare script, and the time that the verification's own requests take on them, cold. */
  floorUp: number[]
  /** The time that the verification's requests take, warm. */
  floorVerify: number[]
  /** Verification within one process, next to the requests it sends. */
  verifyInProcess: number[]
  emptyUp: number[]
}

/**
 * `up` and `verify` beside the least that their work takes: the same servers started and the same requests
 * sent, one after another, by a bare script. Taken in turn, so that a slow moment of the machine meets both.
 */
export const lifecycle: Bench = {
  name: 'lifecycle',
  async run() {
    const stack = await TestStack.make({ contextLength: 4096 })
    const empty = await emptyProgram()
    const figures: Figures = {
      up: [],
      upAgain: [],
      verify: [],
      floorUp: [],
      floorVerify: [],
      verifyInProcess: [],
      emptyUp: [],
    }
    try {
      await must(stack, 'up')
      const outputs = await outputsOf(stack)
      for (let run = 0; run < RUNS; run += 1) {
        await must(stack, 'down')
        figures.floorUp.push(await floorUp(stack, outputs))
        figures.up.push(await must(stack, 'up'))
        figures.upAgain.push(await must(stack, 'up'))
        figures.verify.push(await must(stack, 'verify', '--stack', 'dev'))
        const { whole, requests } = await verifyHere(outputs)
        figures.verifyInProcess.push(whole)
        figures.floorVerify.push(requests)
        figures.emptyUp.push(await empty.up())
      }
      return { markdown: table(figures), figures }
    } finally {
      await stack.end()
      await empty.end()
    }
  },
}

async function must(stack: TestStack, ...args: string[]): Promise<number> {
  const started = performance.now()
  const { code, stderr } = await stack.run(...args)
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)
  return performance.now() - started
}

/** The deployment's outputs, as the program made them. */
async function outputsOf(stack: TestStack): Promise<Outputs> {
  const file = await readStackFile('dev', stack.configFile)
  const engine = await PulumiEngine.open(file, (await realTools()).pulumi, stack.env)
  return Outputs.parse(
    await engine.outputs({ report: () => undefined, signal: new AbortController().signal }),
  )
}

/**
 * The floor of `up`: both servers started at the same time from the stack's own folder, then the requests of
 * a verification, which load the models, for the time that these requests take.
 */
async function floorUp(stack: TestStack, outputs: Outputs): Promise<number> {
  const { settings } = await readStackFile('dev', stack.configFile)
  const servers = [
    chromaProcess(settings, 0),
    ollamaProcess(settings),
    apiProcess(settings, JSON.stringify(outputs)),
  ]
  const task = { report: () => undefined, signal: new AbortController().signal }
  const started = performance.now()
  const running = await Promise.all(
    servers.map(async args => startProcess((await runnable(args, task)).command, args, task)),
  )
  const starting = performance.now() - started
  const { requests } = await verifyHere(outputs)
  for (const server of running) await stopProcess(server)
  for (const { record } of servers) await removeProcessRecord(record)
  return starting + requests
}

/** A verification in this process whose requests are sent one after another, and the time that these take. */
async function verifyHere(outputs: Outputs): Promise<{ whole: number; requests: number }> {
  let requests = 0
  let before: Promise<unknown> = Promise.resolve()
  const alone: Fetch = async (url, init) => {
    const started = performance.now()
    const response = await fetch(url, init as RequestInit)
    const body = await response.arrayBuffer()
    requests += performance.now() - started
    return new Response(body.byteLength === 0 ? null : body, response)
  }
  const timed: Fetch = (url, init) => {
    const answer = before.then(() => alone(url, init))
    before = answer.catch(() => undefined)
    return answer
  }
  const { signal } = new AbortController()
  const { millis, verdict } = await runChecks(outputs, { readOnly: false, signal, fetch: timed })
  if (verdict !== 'passed') throw new Error(`the verification ended with ${verdict}`)
  return { whole: millis, requests }
}

function table(figures: Figures): string {
  const middle = (name: keyof Figures) => median(figures[name])
  const s = (millis: number) => `${(millis / 1000).toFixed(2)} s`
  const up = middle('up')
  const floor = middle('floorUp')
  const engine = middle('emptyUp')
  const rows = [
    [
      '`up` from nothing running',
      s(up),
      `servers started and the same requests: ${s(floor)}; engine with an empty program: ${s(engine)}`,
      `${((up - engine) / floor).toFixed(2)} × floor, beyond the engine`,
    ],
    [
      '`up` that changes nothing',
      s(middle('upAgain')),
      `engine with an empty program: ${s(engine)}; verification's requests: ${s(middle('floorVerify'))}`,
      `${(middle('upAgain') / (engine + middle('floorVerify'))).toFixed(2)} ×`,
    ],
    [
      '`verify`, the whole command',
      s(middle('verify')),
      `its requests: ${s(middle('floorVerify'))}`,
      `${(middle('verify') / middle('floorVerify')).toFixed(2)} ×`,
    ],
    [
      '`verify`, the checks themselves',
      s(middle('verifyInProcess')),
      `its requests: ${s(middle('floorVerify'))}`,
      `${(middle('verifyInProcess') / middle('floorVerify')).toFixed(2)} ×`,
    ],
  ]
  return [
    `Medians of ${RUNS} runs, taken in turn on ${availableParallelism()} cores, models on disk.`,
    '',
    '| What | Takes | Beside, in the same run | Ratio |',
    '|---|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')
}
