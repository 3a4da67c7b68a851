import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { EXIT_CODES, Failure, markedLine } from '../../infra/failure.ts'
import { BesideRequest, workBesideData } from './beside-data.ts'

/**
 * Work on the files of a Chroma server as a process of its own, where they can be seen: started with the path of its
 * request, of standard input with `-`. The last line that it writes is the report, or says what went wrong.
 */
// Whoever asked was killed meanwhile: nobody is there to be told.
process.stdout.on('error', () => process.exit(EXIT_CODES.interrupted))
try {
  const [, , path = '-'] = process.argv
  const input = path === '-' ? process.stdin : createReadStream(path)
  const request = BesideRequest.parse(JSON.parse(await text(input)))
  process.stdout.write(`${JSON.stringify(await workBesideData(request))}\n`)
} catch (error) {
  process.stdout.write(`${markedLine(error)}\n`)
  process.exitCode = error instanceof Failure ? error.exitCode : EXIT_CODES.unavailable
}
