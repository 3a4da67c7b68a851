import { type Check, type Finding, passed, skipped, together } from '../check.ts'

export default {
  name: 'chroma-room',
  proves: 'Every Chroma server has the room on its disk that writing needs',
  after: ['chroma-answers'],
  async run({ deployment, signal }) {
    const findings: Finding[] = []
    for (const { connection, disk } of deployment.chroma) {
      findings.push(
        disk === undefined
          ? skipped(`how much room there is cannot be seen from here: ${connection.label}`)
          : passed(`${connection.label}: ${await disk.requireRoom(signal)}`),
      )
    }
    return together(findings)
  },
} satisfies Check
