import { type Check, failed, passed } from '../check.ts'
import { scratchDatabase } from '../probe/run-id.ts'
import { sweep } from '../probe/sweep.ts'

export default {
  name: 'nothing-left',
  proves: 'Nothing that this verification wrote, or an earlier one that was killed, is left',
  after: ['chroma-answers', 'chroma-room', 'shard-settings'],
  writes: true,
  async run({ deployment, scratch, signal, now }) {
    const creators = scratch.creators()
    await scratch.clean(signal)
    for (const creator of creators) {
      if ((await creator.count({}, signal)) > 0)
        return failed('records of this verification cannot be deleted')
    }
    for (const server of deployment.chroma) {
      if ((await server.databases(signal)).includes(scratchDatabase(scratch.run))) {
        return failed(`${server.connection.label} keeps a database that was deleted`)
      }
    }
    const swept = await sweep(deployment, scratch.live, now(), signal)
    const found = swept.records + swept.databases
    return passed(
      'what this verification wrote is deleted',
      found === 0
        ? []
        : [
            `${swept.records} records and ${swept.databases} databases of runs that were killed are deleted too`,
          ],
    )
  },
} satisfies Check
