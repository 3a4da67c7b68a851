import { performance } from 'node:perf_hooks'
import { z } from 'zod'
import { reasonOf } from '../../../infra/failure.ts'
import { formatDuration, roundMillis } from '../../../infra/units.ts'
import { HEALTH_WORK } from '../traffic/limits.ts'

export const HealthPart = z.object({
  checked: z.string().describe('What was looked at'),
  healthy: z.boolean(),
  millis: z.number(),
  detail: z.string().describe('What was found, or what is wrong'),
})
export const ServerHealth = z.object({
  server: z.string(),
  healthy: z.boolean(),
  parts: z.array(HealthPart),
})
export const Health = z.object({
  healthy: z.boolean(),
  millis: z.number(),
  servers: z.array(ServerHealth),
})
/** Anyone may know the verdict, and nothing of what there is, how much of it or where. */
export const HealthAnswer = Health.partial({ millis: true, servers: true }).describe(
  'How the servers are; the verdict alone to who may not monitor',
)
z.globalRegistry.add(HealthAnswer, { id: 'Health' })

export type HealthPart = z.infer<typeof HealthPart>
export type ServerHealth = z.infer<typeof ServerHealth>
export type Health = z.infer<typeof Health>

/** A thing to look at. It answers with what it found, or throws. */
export interface Look {
  checked: string
  look(signal: AbortSignal): Promise<string>
}

/** Looks at everything of every server side by side, and has an answer in time whatever they do. */
export async function examine(
  servers: readonly { server: string; looks: readonly Look[] }[],
): Promise<Health> {
  const started = performance.now()
  const signal = AbortSignal.timeout(HEALTH_WORK)
  const examined = await Promise.all(
    servers.map(async ({ server, looks }) => {
      const parts = await Promise.all(looks.map(look => examineOne(look, signal)))
      return { server, healthy: parts.every(part => part.healthy), parts }
    }),
  )
  return {
    healthy: examined.every(({ healthy }) => healthy),
    millis: roundMillis(performance.now() - started),
    servers: examined,
  }
}

async function examineOne({ checked, look }: Look, signal: AbortSignal): Promise<HealthPart> {
  const started = performance.now()
  const part = (healthy: boolean, detail: string): HealthPart => ({
    checked,
    healthy,
    millis: roundMillis(performance.now() - started),
    detail,
  })
  try {
    return part(true, await look(signal))
  } catch (error) {
    const late = `gave no answer within ${formatDuration(HEALTH_WORK)}`
    return part(false, signal.aborted ? late : reasonOf(error))
  }
}
