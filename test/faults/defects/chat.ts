import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange } from '../../support/servers/faulty-server.ts'
import type { Defect } from '../defect.ts'
import { on } from '../rewrite.ts'

/** Between the parts of an answer without end. */
const PAUSE_MS = 2

/** Chats that go wrong, each begun by the real model. */
export const CHAT: Defect[] = [
  bad('an empty chat answer', 'every part of the answer is empty', /gave an empty answer/, empty),
  bad(
    'a chat stream that breaks',
    'the connection is cut after the first part',
    /cannot be reached/,
    firstThen(async controller => controller.error(new Error('cut'))),
  ),
  bad(
    'a chat stream that stops short',
    'the stream ends after the first part, without the last one',
    /Did not receive done/,
    firstThen(async controller => controller.close()),
  ),
  bad(
    'a chat stream that never ends',
    'the first part comes again and again',
    /does not end its answer: \d+ parts for the 16 tokens asked for/,
    firstThen(async (controller, first) => {
      await sleep(PAUSE_MS)
      controller.enqueue(first)
    }),
  ),
  bad(
    'a chat stream that falls silent',
    'nothing comes after the first part, and the stream stays open',
    /falls silent in the middle of its answer/,
    firstThen(() => new Promise(() => {})),
  ),
]

function bad(
  defect: string,
  done: string,
  says: RegExp,
  answer: (exchange: Exchange) => Promise<Response>,
): Defect {
  return {
    defect,
    done,
    caughtBy: ['chat-answers'],
    says,
    make({ ollama }) {
      ollama.fault = on(/^\/api\/chat$/, answer)
      return {}
    },
  }
}

async function empty({ forward }: Exchange): Promise<Response> {
  const real = await (await forward()).text()
  const parts = real
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const lines = parts.map(part =>
    JSON.stringify({ ...part, message: { role: 'assistant', content: '' } }),
  )
  return new Response(`${lines.join('\n')}\n`, { headers: NDJSON })
}

const NDJSON = { 'content-type': 'application/x-ndjson' }

type Controller = ReadableStreamDefaultController<Uint8Array>

/** The first part of the real answer, and then whatever `next` does, as often as more is asked for. */
function firstThen(next: (controller: Controller, first: Uint8Array) => Promise<void>) {
  return async ({ forward }: Exchange): Promise<Response> => {
    const [line] = (await (await forward()).text()).split('\n')
    const first = new TextEncoder().encode(`${line}\n`)
    let begun = false
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (begun) return next(controller, first)
        begun = true
        controller.enqueue(first)
      },
    })
    return new Response(stream, { headers: NDJSON })
  }
}
