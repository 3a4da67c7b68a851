import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the range that systems give ports from to whoever asks for any: none of those takes it in the meantime. */
const FROM = 15_000
const TO = 32_000

/** A TCP port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const port = randomInt(FROM, TO)
  const server = createServer()
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.listen(port, '127.0.0.1')
  if (!(await listening)) return freePort()
  server.close()
  await once(server, 'close')
  return port
}
