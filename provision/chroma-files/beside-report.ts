import { BesideReport } from '../../checks/chroma-files/beside-data.ts'
import { Failure, readMarked } from '../../infra/failure.ts'

/** The program that works beside the data of a Chroma server, by its path below the project's root. */
export const BESIDE_DATA = 'checks/chroma-files/main.ts'

/**
 * What the program has written.
 * @param place where it ran, for messages
 * @throws Failure with what it says went wrong; `unavailable` where it says nothing
 */
export function readBesideReport(output: string, place: string): BesideReport {
  const last = output.trimEnd().split('\n').at(-1) ?? ''
  const said = readMarked(last)
  if (said !== undefined) throw new Failure(said.kind, `${place}: ${said.text}`)
  const parsed = BesideReport.safeParse(parseJson(last))
  if (parsed.success) return parsed.data
  throw new Failure('unavailable', `${place}: what was to look through its files ended: ${last}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
