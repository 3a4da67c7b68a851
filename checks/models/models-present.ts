import type { Check, Finding, PartFinding } from '../check.ts'
import { failed, ofPart, passed, together } from '../check.ts'
import type { ModelStatus } from '../inference/model-status.ts'

const MEND = 'pull the models: npm run models'

export default {
  name: 'models-present',
  proves: 'Every model is in its Ollama store, with the digest that was provisioned',
  after: ['ollama-answers'],
  async run({ deployment, signal }) {
    const findings: PartFinding[] = (await deployment.inference.status(signal)).map(status =>
      ofPart([status.name, status.serves], look(status)),
    )
    return together(findings)
  },
} satisfies Check

function look(status: ModelStatus): Finding {
  const { name, serves, pool } = status
  if (status.digest === undefined) return failed(`${name} is not in the pool ${pool}`, MEND)
  if (status.servesDigest === undefined) {
    return failed(`${serves}, which serves ${name}, is not in the pool ${pool}`, MEND)
  }
  if (status.asProvisioned === undefined) {
    return passed(`${name} is there`, [`nobody recorded a digest of ${name} to compare with`])
  }
  return status.asProvisioned
    ? passed(`${name} is as provisioned`)
    : failed(
        `${name} is there with another digest (${short(status.digest)}) than provisioned`,
        MEND,
      )
}

const short = (digest: string): string => digest.slice(0, 12)
