import { Failure } from './failure.ts'
import type { Settings } from './settings.ts'

/** How data was laid out when it came in. */
export interface Layout {
  shards: number
  instances: number
}

export const layoutOf = ({ chroma: { shards, instances } }: Settings): Layout => ({
  shards,
  instances,
})

/**
 * Requires that data which is there is still where the settings look for it: records do not move when a number in
 * the settings does.
 * @param recorded beside the data; undefined where there is none yet
 * @throws Failure `misused` with what it was and what it is to be
 */
export function requireLayout(settings: Settings, recorded: Layout | undefined): void {
  if (recorded === undefined) return
  const wanted = layoutOf(settings)
  const changed = (['shards', 'instances'] as const).filter(key => recorded[key] !== wanted[key])
  if (changed.length === 0) return
  const { stack } = settings
  const back = changed.map(key => `knowledge-stack:${key} ${recorded[key]}`)
  throw new Failure(
    'misused',
    changed
      .map(
        key =>
          `knowledge-stack:${key} is ${wanted[key]}, but the data of stack ${stack} was laid out for ${recorded[key]}`,
      )
      .join('\n'),
    {
      mend: `set back ${back.join(' and ')}, or start without the data: npm run down -- --stack ${stack} --purge`,
    },
  )
}
