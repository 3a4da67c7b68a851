import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { ServerVersion } from '../../../infra/settings/server-version.ts'
import { parseRecorded } from './parse-recorded.ts'

const Versions = z.object({ chroma: ServerVersion, ollama: ServerVersion })

/**
 * That nothing is written, from before the data is copied until the servers of another version are verified, or those of
 * before run again. It stays on record when it is over, with another value: who wrote while it came and went can tell.
 */
export const WriteFreeze = z.object({
  /** Of this upgrade. */
  id: z.uuid(),
  state: z.enum(['frozen', 'over']),
  since: z.iso.datetime(),
  /** What the stack ran with. */
  from: Versions,
  /** What it is to run with. */
  to: Versions,
})
export type WriteFreeze = z.infer<typeof WriteFreeze>

/** A freeze as it is recorded. */
export interface FreezeRecord {
  value: string
  freeze: WriteFreeze
}

/** Its name among what is recorded on a server. */
export const FREEZE = 'write freeze'

/** @param values of records by their ids */
export function freezeIn(values: ReadonlyMap<string, string>): FreezeRecord | undefined {
  const value = values.get(FREEZE)
  if (value === undefined) return undefined
  return { value, freeze: parseRecorded(WriteFreeze, value, 'a freeze of writes') }
}

/** What is written may be lost as long as that lasts. */
export class WritesFrozen extends Failure {
  constructor({ since, from, to }: WriteFreeze) {
    super(
      'unavailable',
      `Nothing is written since ${since}, while the stack is upgraded (${describeUpgrade(from, to)}); what is there is answered with`,
      {
        mend: 'ask again in a minute; an upgrade that was interrupted goes on with the next npm run up',
      },
    )
  }
}

const TITLES = { chroma: 'Chroma', ollama: 'Ollama' } as const

/** `Chroma 1.5.8 → 1.5.9`, by images where the versions are the same. */
export const describeUpgrade = (from: WriteFreeze['from'], to: WriteFreeze['to']): string =>
  (['chroma', 'ollama'] as const)
    .flatMap(server => {
      const [before, now] = [from[server], to[server]]
      const by = before.version === now.version ? 'image' : 'version'
      return before[by] === now[by] ? [] : [`${TITLES[server]} ${before[by]} → ${now[by]}`]
    })
    .join(', ')
