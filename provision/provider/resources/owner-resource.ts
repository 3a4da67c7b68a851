import type { OwnerArgs } from '../../../infra/resources.ts'
import { keepOwner } from '../../ownership/home-owner.ts'
import type { ResourceKind } from './resource-kind.ts'

/** Whose the stack is. Its home folder goes on saying so when the stack is down, as the data in it stays. */
export const ownerKind: ResourceKind<OwnerArgs, OwnerArgs> = {
  results: [],

  create: keep,
  // The folder may be on another machine by now.
  read: keep,
  update: (_state, args) => keep(args),
  async delete() {},
}

async function keep(args: OwnerArgs): Promise<OwnerArgs> {
  const { home, owner: id, ...rest } = args
  await keepOwner(home, { ...rest, id })
  return args
}
