import { type EngineEvent, resourceName } from '../../../provision/pulumi/engine-events.ts'

/** What an `up` is at, in the order that it comes to it. Not every target has each. */
export const PHASES = [
  'preparation',
  'images',
  'network and volumes',
  'objects',
  'servers',
  'models',
  'verification',
  'end',
] as const
export type Phase = (typeof PHASES)[number]

/** By the type of the resource that is under way; the first that fits. */
const PHASE_OF: readonly [type: RegExp, phase: Phase][] = [
  [/^docker:index\/(remoteImage|image):/, 'images'],
  [/^docker:index\/(network|volume):/, 'network and volumes'],
  [/^docker:index\/container:|^knowledge:index:Process$|^kubernetes:apps\//, 'servers'],
  [/^kubernetes:batch\/|^knowledge:index:Verification$/, 'verification'],
  [/^kubernetes:/, 'objects'],
  [/^knowledge:index:Model$/, 'models'],
]

/** Follows an update by the engine's events: which resources are under way, and which phase that is. */
export class UpdatePhases {
  readonly #underWay = new Map<string, Phase>()
  #last: Phase = 'preparation'

  add({ resourcePreEvent, resOutputsEvent, resOpFailedEvent, summaryEvent }: EngineEvent): void {
    const begun = resourcePreEvent?.metadata
    const phase = begun && PHASE_OF.find(([type]) => type.test(begun.type))?.[1]
    if (phase !== undefined && begun!.op !== 'same') {
      this.#last = phase
      this.#underWay.set(begun!.urn, phase)
    }
    const ended = (resOutputsEvent ?? resOpFailedEvent)?.metadata
    if (ended !== undefined) this.#underWay.delete(ended.urn)
    if (summaryEvent !== undefined) this.#last = 'end'
  }

  /** That of what began last and is under way; between two resources, the one before. */
  get current(): Phase {
    return [...this.#underWay.values()].at(-1) ?? this.#last
  }

  get underWay(): string[] {
    return [...this.#underWay.keys()].map(resourceName)
  }
}
