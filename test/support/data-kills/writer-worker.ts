import { setTimeout as sleep } from 'node:timers/promises'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import { Outputs } from '../../../infra/outputs.ts'
import { randomFrom } from '../../bench/knowledge/population.ts'
import { textsOfVersion, versionOf } from './written.ts'

const AFTER_FAILURE = 300
/** Between two writes: of more at once the machine would do nothing else. */
const BETWEEN = 60

/** A process that goes on writing and deleting documents of its creators, and says what was acknowledged. */
const [outputs = '', own = '[]', seed] = process.argv.slice(2)
const creators = JSON.parse(own) as string[]
const knowledge = (await openDeployment(Outputs.parse(JSON.parse(outputs)))).knowledge()
const random = randomFrom(Number(seed))
const below = (limit: number) => Math.floor(random() * limit)
let isPaused = true
let version = 0

process.on('message', (order: 'pause' | 'go') => {
  isPaused = order === 'pause'
})
process.send!('ready')
for (;;) {
  if (isPaused) {
    process.send!('paused')
    while (isPaused) await sleep(5)
  }
  const creator = creators[below(creators.length)]!
  const document = 'abc'[below(3)]!
  const scope = knowledge.creator(creator)
  const isDelete = below(5) === 0
  version += 1
  try {
    if (isDelete) await scope.delete({ documents: [document] })
    else await scope.upsert([versionOf(document, version, 1 + below(4))])
    const found = (await scope.get({ documents: [document] })).map(({ text }) => text)
    const texts = isDelete ? [] : found
    const isRight = isDelete
      ? found.length === 0
      : found.join() === textsOfVersion(version, found.length).join()
    process.send!({ creator, document, texts, wrong: isRight ? undefined : found })
  } catch (error) {
    // Nobody knows whether it is in: the next write of the document tells.
    process.send!({ creator, document, failed: String(error) })
    // While a stack is upgraded all would fail, and nobody know of anything.
    await sleep(AFTER_FAILURE)
  }
  await sleep(BETWEEN)
}
