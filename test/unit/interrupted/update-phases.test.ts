import { describe, expect, it } from 'vitest'
import type { EngineEvent } from '../../../provision/pulumi/engine-events.ts'
import { UpdatePhases } from '../../support/interrupted/update-phases.ts'

const metadata = (type: string, name: string, op = 'create') => ({
  metadata: { op, type, urn: `urn:pulumi:dev::knowledge-stack::${type}::${name}` },
})
const begun = (type: string, name: string, op?: string): EngineEvent => ({
  resourcePreEvent: metadata(type, name, op),
})
const done = (type: string, name: string): EngineEvent => ({
  resOutputsEvent: metadata(type, name),
})

const IMAGE = 'docker:index/remoteImage:RemoteImage'
const CONTAINER = 'docker:index/container:Container'

/** The phase after each of the events. */
function phasesAfter(...events: EngineEvent[]): string[] {
  const phases = new UpdatePhases()
  return events.map(event => {
    phases.add(event)
    return phases.current
  })
}

describe('the phases of an update, as the engine tells them', () => {
  it('are what its resources are, one after another', () => {
    expect(
      phasesAfter(
        begun('knowledge:index:Owner', 'owner'),
        begun(IMAGE, 'chroma'),
        begun('docker:index/network:Network', 'network'),
        done(IMAGE, 'chroma'),
        done('docker:index/network:Network', 'network'),
        begun(CONTAINER, 'chroma-0'),
        done(CONTAINER, 'chroma-0'),
        begun('knowledge:index:Model', 'smollm2'),
        done('knowledge:index:Model', 'smollm2'),
        begun('knowledge:index:Verification', 'verification'),
        done('knowledge:index:Verification', 'verification'),
        { summaryEvent: {} },
      ),
    ).toEqual([
      'preparation',
      'images',
      'network and volumes',
      'network and volumes',
      'network and volumes',
      'servers',
      'servers',
      'models',
      'models',
      'verification',
      'verification',
      'end',
    ])
  })

  it('leave out what stays as it is', () => {
    expect(phasesAfter(begun(CONTAINER, 'api', 'same'), { summaryEvent: {} })).toEqual([
      'preparation',
      'end',
    ])
  })

  it.each([
    ['kubernetes:core/v1:Secret', 'objects'],
    ['kubernetes:apps/v1:StatefulSet', 'servers'],
    ['kubernetes:batch/v1:Job', 'verification'],
    ['knowledge:index:Process', 'servers'],
  ])('%s: %s, as what is under way', (type, phase) => {
    const phases = new UpdatePhases()
    phases.add(begun(type, 'one'))
    expect([phases.current, phases.underWay]).toEqual([phase, ['one']])
    phases.add({ resOpFailedEvent: metadata(type, 'one') })
    expect(phases.underWay).toEqual([])
  })
})
