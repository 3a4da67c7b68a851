import { describe, expect, it } from 'vitest'
import { passphraseProblem } from '../../../provision/pulumi/passphrase.ts'

const INCORRECT = 'error: failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_…'

describe("the engine's words about a passphrase", () => {
  it("name the stack's own file where the backend is its own", () => {
    expect(
      passphraseProblem(['error: x', INCORRECT], '/home/state/passphrase', 'dev'),
    ).toMatchObject({
      kind: 'misused',
      message: expect.stringContaining('/home/state/passphrase does not hold it'),
    })
  })

  it.each([INCORRECT, 'error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or …'])(
    "name the variable where it is the user's: %s",
    words => {
      expect(passphraseProblem([words], undefined, 'dev')).toMatchObject({
        kind: 'misused',
        mend: expect.stringContaining('PULUMI_CONFIG_PASSPHRASE'),
      })
    },
  )

  it('are no other error', () => {
    expect(passphraseProblem(['error: update failed'], '/passphrase', 'dev')).toBeUndefined()
  })
})
