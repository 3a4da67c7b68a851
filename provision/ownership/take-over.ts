import { randomUUID } from 'node:crypto'
import { Failure } from '../../infra/failure.ts'
import { layoutToDeploy } from '../../infra/ownership/data-layout.ts'
import { namesIn, type PreviousState } from '../../infra/ownership/known-resources.ts'
import type { KnownOwner, Owner } from '../../infra/ownership/owner.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { commandsFor } from '../targets/targets.ts'
import { givenOwner } from './claim.ts'
import { ownerOf } from './home-owner.ts'
import { recordedLayout } from './recorded-layout.ts'

/**
 * Finds out, before anything is made or changed, that all the places which the stack uses are its own.
 * @param before what Pulumi knows of the stack
 * @param how unless it is a dry run, what a killed update left behind is ended
 * @returns its owner: the one of the state, else of its home folder, else a new one
 * @throws Failure `misused` that names what is somebody else's
 */
export async function takeOver(
  settings: Settings,
  before: PreviousState,
  { dryRun }: { dryRun: boolean },
): Promise<KnownOwner> {
  const home = await ownerOf(settings)
  layoutToDeploy(settings, [await recordedLayout(settings), before.layout])
  const id = idOf(settings, before, home)
  const known = namesIn(before)
  // Once there is an owner, what an older version made has it, or is on the list of what cannot be given it.
  const isOlder = home.older && home.id === undefined
  const target = await commandsFor(settings)
  const adopted = await target.requireOwn(settings, {
    id,
    older: isOlder,
    knows: name => known.has(name),
    proves: name => isOlder || known.has(name) || home.adopted.includes(name),
  })
  // Names stay on the list: another list would be a change to the stack.
  const owner = { ...home, id, adopted: [...new Set([...home.adopted, ...adopted])] }
  // In a dry run of an update that is to follow it runs on.
  if (!dryRun) await target.sweep(settings, owner, name => known.has(name))
  return owner
}

function idOf({ stack, home }: Settings, { owner }: PreviousState, recorded: Owner): string {
  if (owner !== undefined && recorded.id !== undefined && owner !== recorded.id) {
    throw new Failure(
      'misused',
      `The folder ${home} is that of another deployment of stack ${stack} (owner ${recorded.id}) than Pulumi's state (owner ${owner})`,
      { mend: 'choose another folder for this one: knowledge-stack:home' },
    )
  }
  return owner ?? recorded.id ?? givenOwner() ?? randomUUID()
}
