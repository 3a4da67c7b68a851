import type { Exchange, Fault } from '../support/servers/faulty-server.ts'

/** A fault of the requests whose path this is, and of no other. */
export const on =
  (path: RegExp, answer: (exchange: Exchange) => Promise<Response>): Fault =>
  exchange =>
    path.test(exchange.path) ? answer(exchange) : undefined

/** The real answer with something else in it; a refusal stays one. */
export async function rewritten<Answer>(
  exchange: Exchange,
  change: (answer: Answer) => unknown,
): Promise<Response> {
  const real = await exchange.forward()
  return real.ok ? Response.json(change((await real.json()) as Answer)) : real
}
