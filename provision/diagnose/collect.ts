import { arch, cpus, release, totalmem } from 'node:os'
import { stringify } from 'yaml'
import { reasonOf } from '../../infra/failure.ts'
import { PROJECT_VERSION } from '../../infra/project.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import type { CommandContext } from '../commands/command.ts'
import { findDeployed } from '../deployed.ts'
import { planHere } from '../plan/deploy-decision.ts'
import { stackStatus } from '../status/stack-status.ts'
import { describeStatus } from '../status/status-text.ts'
import { commandsFor } from '../targets/targets.ts'
import { knownSecrets, withoutSecrets } from './known-secrets.ts'

/** Bytes of the end of each log. */
const LOG_END = 256 * 1024

/**
 * What those need who help with a stack, as texts by the names of their files, without secrets. What cannot be had says
 * why in its place.
 */
export async function collect(
  stack: StackFile,
  context: CommandContext,
): Promise<Map<string, string>> {
  const { settings } = stack
  const target = await commandsFor(settings)
  const found = new Map<string, string>()
  const put = async (name: string, make: () => Promise<unknown> | unknown) => {
    context.signal.throwIfAborted()
    const made = await Promise.resolve()
      .then(make)
      .catch(error => ({ notKnown: reasonOf(error) }))
    found.set(name, typeof made === 'string' ? made : JSON.stringify(made, null, 2))
  }
  await put('versions.json', () => ({
    project: PROJECT_VERSION,
    node: process.version,
    system: `${process.platform} ${release()} ${arch()}`,
    cpus: cpus().length,
    memory: totalmem(),
    chroma: settings.chroma.version,
    ollama: settings.ollama.version,
  }))
  await put('settings.yaml', () => stringify(stack.configured))
  const status = stackStatus(stack, context)
  await put('status.json', () => status)
  await put('status.txt', async () => describeStatus(await status, settings))
  await put('plan.json', () => planHere(settings))
  await put('outputs.json', async () => (await findDeployed(stack, context.steps))?.outputs ?? null)
  try {
    for (const [name, text] of Object.entries((await target.describe?.(settings)) ?? {})) {
      found.set(name, text)
    }
  } catch (error) {
    found.set(`${settings.target}.txt`, reasonOf(error))
  }
  try {
    await target.readLogs(settings, (piece, name) => {
      const end = piece.subarray(Math.max(0, piece.length - LOG_END))
      found.set(`logs/${name}`, Buffer.from(end).toString())
    })
  } catch (error) {
    found.set('logs/not-known.txt', reasonOf(error))
  }
  const secrets = await knownSecrets(settings)
  return new Map([...found].map(([name, text]) => [name, withoutSecrets(text, secrets)]))
}
