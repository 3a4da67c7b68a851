import type { OwnerArgs } from '../../../infra/resources.ts'
import { keepOwner } from '../../ownership/home-owner.ts'
import { recordKind } from './resource-kind.ts'

/** Whose the stack is. Its home folder goes on saying so when the stack is down, as the data in it stays. */
export const ownerKind = recordKind(({ home, owner: id, ...rest }: OwnerArgs) =>
  keepOwner(home, { ...rest, id }),
)
