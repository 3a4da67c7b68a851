import { once } from 'node:events'
import { Outputs } from '../../../infra/outputs.ts'
import { openStore } from '../store/deployment.ts'
import { STEPS, step } from './staircase.ts'

/**
 * A process that builds a creator's staircase up, down again, and up in one document. It says after each step that it
 * is done and waits until that was heard, so that it is never more than one step ahead of what was heard.
 */
const [outputs = '', creator = ''] = process.argv.slice(2)
const store = await openStore(Outputs.parse(JSON.parse(outputs)))
const scope = store.knowledge.creator(creator)

async function say(way: string, number: number): Promise<void> {
  process.send!([way, number])
  await once(process, 'message')
}

for (let number = 0; number < STEPS; number += 1) {
  await scope.upsert([step(number)])
  await say('up', number)
}
for (let number = STEPS - 1; number > 0; number -= 1) {
  await scope.delete({ documents: [step(number).id] })
  await say('down', number)
}
for (let number = 0; number < STEPS; number += 1) {
  await scope.upsert([{ ...step(number), id: 'one' }])
  await say('replaced', number)
}
await store.close()
process.disconnect()
