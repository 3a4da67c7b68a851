import {
  neverRun,
  SUPPORTED_OLLAMA,
  suitesOf,
  versionProblem,
} from '../../infra/settings/ollama-version.ts'
import { type Check, type Finding, failed, ofPart, passed, together } from '../check.ts'

/**
 * What is known of an Ollama goes by its version: how it takes memory, what it does to prompts, what its errors mean.
 */
export default {
  name: 'ollama-version',
  proves: 'Every Ollama is of the version that was deployed, and of one that is supported',
  after: ['ollama-answers'],
  async run({ deployment, signal }) {
    const { ollama, target } = deployment.outputs
    const findings = await Promise.all(
      ollama.map(async ({ pool, version: deployed }) => {
        const server = deployment.ollama.get(pool)!
        const { label } = server.connection
        const version = await server.version(signal)
        return ofPart([label], judge(label, version, deployed, target === 'environment'))
      }),
    )
    return together(findings)
  },
} satisfies Check

/** @param isForeign whether somebody else deployed it, in which case it may be of any version */
function judge(
  label: string,
  version: string,
  deployed: string | undefined,
  isForeign: boolean,
): Finding {
  if (deployed !== undefined && version !== deployed) {
    return failed(
      `${label} is ${version}; ${deployed} was deployed`,
      'start what was deployed: npm run up',
    )
  }
  const problem = versionProblem(version)
  if (problem !== undefined) {
    const told = `${label} is ${version}, which ${problem}; supported are ${SUPPORTED_OLLAMA}`
    return isForeign
      ? passed(told)
      : failed(told, 'name one of these: knowledge-stack:ollamaVersion')
  }
  const never = neverRun(version)
  const ran = suitesOf(version)
  return ran === undefined
    ? passed(`${label} is ${version}, which no suite of this project met`, [never!])
    : passed(`${label} is ${version}, which this project's suites met: ${ran}`)
}
