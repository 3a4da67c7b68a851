import type { Resharded } from '../../../checks/reshard/reshard.ts'
import { Layout, layoutOf, leftBehind, MOVED } from '../../../infra/ownership/data-layout.ts'
import { layoutRecordOf } from '../../../infra/settings/home-paths.ts'
import type { StackFile } from '../../../infra/settings/settings-file.ts'
import { changeJsonRecord } from '../../json-record.ts'
import type { Steps } from '../../steps/steps.ts'
import type { Outcome } from '../command.ts'
import { bringUp } from '../deploy/up.ts'

export interface Moved extends Resharded {
  instances: number
}

/** Writes down where the data is, and deploys it where the settings say so too. */
export async function deployMoved(
  { settings, ...stack }: StackFile,
  done: Moved,
  steps: Steps,
): Promise<Outcome> {
  const { generation, shards, instances, embeddingModel } = done
  const place = { shards, instances, embeddingModel }
  const wanted = layoutOf(settings)
  await changeJsonRecord(layoutRecordOf(settings.home), Layout, before => {
    if (before?.generation === generation) return before
    const left = before ?? wanted
    // A model brings its figures with it.
    const figures = embeddingModel === wanted.embeddingModel ? wanted : left
    const now = { ...figures, ...place, generation }
    return { ...now, ...leftBehind(left, now) }
  })
  const kept =
    done.kept.length === 0
      ? ''
      : `\n\nSomebody has written past the store: ${done.kept.join(', ')} of Chroma stay where they are, with all that they had`
  const text = `The data of stack ${settings.stack} is in ${shards} shards on ${instances === 1 ? 'one Chroma server' : `${instances} Chroma servers`}, embedded by ${embeddingModel}`
  const other = MOVED.filter(key => wanted[key] !== place[key])
  if (other.length > 0) {
    const lines = other.map(key => `knowledge-stack:${key} to ${place[key]}`).join(' and ')
    return {
      text: `${text}. Everything goes on as it is; before the next update set ${lines} in ${stack.path}${kept}`,
      document: done,
    }
  }
  const { outcome } = await bringUp({ ...stack, settings }, {}, steps)
  return {
    ...outcome,
    text: `${text}${kept}\n\n${outcome.text}`,
    document: { ...done, up: outcome.document },
  }
}
