import { openDeployment } from '../../../checks/connected-deployment.ts'
import type { CreatorId } from '../../../checks/store/creator-id.ts'
import { scoped } from '../../../checks/store/filter/filter.ts'
import { collectionOf, databaseOf, shardOf } from '../../../infra/shards.ts'
import { randomFrom } from '../../bench/knowledge/population.ts'
import type { Fault } from './acknowledged.ts'
import { parseText } from './chunk-texts.ts'
import { CREATORS, SHARDS } from './creators.ts'
import { Draw } from './draw.ts'
import { drawIncidents, type Incident } from './incidents.ts'
import { type Happened, KillCampaign } from './kill-campaign.ts'
import { KillWorld, outputsFor } from './kill-world.ts'
import { type Found, Load } from './load.ts'
import { Survey } from './survey.ts'

/** Faults of one incident that are told at once: where one is, many answers show it. */
const TOLD = 5

export interface KillResult {
  seed: number
  happened: Happened[]
  /** Incidents whose phase was not met. */
  missed: Incident[]
  faults: Fault[]
  /** Records of versions that were overwritten or deleted, when every document has been written once more. */
  leftOver: number
  found: Found
  answers: number
  acknowledged: number
  millis: number
}

/**
 * Lets so many incidents happen to real servers under load.
 * @param pauses milliseconds for which a process is stopped, one of which is drawn
 */
export async function runKills(
  seed: number,
  count: number,
  pauses: readonly number[],
  report: (line: string) => void = () => {},
): Promise<KillResult> {
  const started = performance.now()
  const draw = new Draw(randomFrom(seed))
  const world = await KillWorld.start()
  const { model } = world
  try {
    const load = new Load(world, draw)
    await load.prepare()
    load.start()
    const survey = new Survey(world, load, draw)
    const campaign = new KillCampaign(world, survey, draw, pauses)
    for (const [at, incident] of drawIncidents(draw.next, count).entries()) {
      const { action, process, moment, phase } = incident
      model.during = `seed ${seed}, ${at + 1}: ${action}, ${process}, ${moment} ${phase}`
      const known = model.faults.length
      await campaign.meet(incident)
      report(`${Math.round(performance.now() - started)} ${model.during}`)
      for (const fault of model.faults.slice(known, known + TOLD)) {
        report(`  ${JSON.stringify(fault)}`)
      }
    }
    model.during = `seed ${seed}, the end`
    await load.stop()
    await survey.readAll(CREATORS)
    await survey.writeAll(CREATORS)
    await survey.readAll(CREATORS)
    const leftOver = await countLeftOver(world)
    const { happened, missed } = campaign
    const { faults, answers, acknowledged } = model
    const millis = performance.now() - started
    return {
      seed,
      happened,
      missed,
      faults,
      leftOver,
      found: load.found,
      answers,
      acknowledged,
      millis,
    }
  } finally {
    await world.stop()
  }
}

/** As Chroma itself has them. */
async function countLeftOver({ chroma, model }: KillWorld): Promise<number> {
  const deployment = await openDeployment(outputsFor(chroma.url))
  const database = databaseOf(deployment.outputs.chroma.generation)
  const [server] = deployment.chroma
  let leftOver = 0
  for (const { creator, documents } of CREATORS) {
    const collection = await server!.findCollection(
      database,
      collectionOf(shardOf(creator, SHARDS)),
    )
    const records = server!.records(database, collection!.id)
    const stored = await records.get(scoped(creator as CreatorId), {
      include: ['documents', 'metadatas'],
    })
    leftOver += stored.filter(({ text = '', metadata }) => {
      const document = String(metadata?.document_id)
      const { lastAcknowledged } = model.of(creator, document)
      return documents.includes(document) && parseText(text)?.version !== lastAcknowledged
    }).length
  }
  await deployment.close()
  return leftOver
}
