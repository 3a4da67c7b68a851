import { writeSync } from 'node:fs'

const STANDARD_OUTPUT = 1

/**
 * Standard output as the log's destination, which nothing can stop: a line that cannot be written is lost. The
 * logger's own ends the process when the disk of its log is full, and tries to write the rest for ever before that,
 * so that the API listens and never answers again (pino 10.4, sonic-boom 4.2).
 */
export function standardOutput(write = (text: string) => writeSync(STANDARD_OUTPUT, text)) {
  /** Whether a line was written in part: the next one begins on its own. */
  let isTorn = false
  return {
    write(line: string): void {
      const text = isTorn ? `\n${line}` : line
      try {
        isTorn = write(text) < Buffer.byteLength(text)
      } catch {
        // A log that cannot be written is no reason to stop answering, and there is nowhere to say so.
      }
    },
  }
}
