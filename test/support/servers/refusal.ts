import { Failure } from '../../../infra/failure.ts'

/** The failure that the work ends with; anything else that is thrown is thrown on, and nothing is an error. */
export function refusalOf(work: () => unknown): Failure {
  try {
    work()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing was refused')
}
