import type { Attack } from './attack.ts'
import { HTTP_ATTACKS } from './http-attacks.ts'
import { STORE_ATTACKS } from './store-attacks.ts'

/** All of them: each is tried by a test, and measured by the bench. Their names differ. */
export const ATTACKS: readonly Attack[] = [...HTTP_ATTACKS, ...STORE_ATTACKS]
