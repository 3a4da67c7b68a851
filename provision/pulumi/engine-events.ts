import { z } from 'zod'

/** A resource as it is, or as it is to be. */
const State = z.object({
  inputs: z.record(z.string(), z.unknown()).nullish(),
  outputs: z.record(z.string(), z.unknown()).nullish(),
})

/**
 * The engine's events, as `pulumi … --json` writes them, a line each; only what is used here.
 * Source: sdk/go/common/apitype/events.go of pulumi/pulumi.
 */
const Metadata = z.object({
  op: z.string(),
  urn: z.string(),
  type: z.string(),
  old: State.nullish(),
  new: State.nullish(),
})

export const EngineEvent = z.object({
  resourcePreEvent: z.object({ metadata: Metadata }).optional(),
  resOutputsEvent: z.object({ metadata: Metadata }).optional(),
  resOpFailedEvent: z.object({ metadata: Metadata }).optional(),
  diagnosticEvent: z
    .object({
      message: z.string(),
      severity: z.string(),
      urn: z.string().optional(),
      ephemeral: z.boolean().optional(),
    })
    .optional(),
  summaryEvent: z
    .object({ resourceChanges: z.record(z.string(), z.number()).nullish() })
    .optional(),
})
export type EngineEvent = z.infer<typeof EngineEvent>

/** The name of a resource: the last part of urn:pulumi:<stack>::<project>::<type>::<name>. */
export const resourceName = (urn: string): string => urn.split('::').at(-1) ?? urn

/** The event that a line holds; undefined for any other line, and for what was cut off by a kill. */
export function readEvent(line: string): EngineEvent | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return EngineEvent.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
