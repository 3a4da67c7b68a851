import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { lockFailure } from '../../../provision/pulumi/state-lock-failure.ts'

/** Word for word as Pulumi 3.250 said it. */
const said = (...holders: string[]) =>
  [
    `error: the stack is currently locked by ${holders.length} lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.`,
    ...holders,
  ].join('\n')

describe('a state that another engine has locked', () => {
  it('is told with who it is, where and since when, and how a dead one’s lock goes', () => {
    const failure = lockFailure(
      'dev',
      said(
        '  file:///srv/our%20stacks/.pulumi/locks/organization/knowledge-stack/dev/abc.json?no_tmp_dir=true: created by anna@elsewhere (pid 17) at 2026-10-05T10:00:00Z',
      ),
    )
    expect(failure).toMatchObject({ kind: 'unavailable' })
    const { text = '' } = failure ?? {}
    expect(text).toContain('process 17 of anna on elsewhere, since 2026-10-05T10:00:00Z')
    expect(text).toContain(
      "rm '/srv/our stacks/.pulumi/locks/organization/knowledge-stack/dev/abc.json'",
    )
    expect(text).not.toContain('%20')
  })

  it('is told with the command where it runs on this machine', () => {
    const failure = lockFailure(
      'dev',
      said(
        `  s3://bucket/.pulumi/locks/abc.json: created by anna@${hostname()} (pid ${process.pid}) at 2026-10-05T10:00:00Z`,
      ),
    )
    expect(failure?.text).toMatch(new RegExp(`node.* \\(process ${process.pid}\\) of anna on`))
    expect(failure?.text).toContain('pulumi cancel --stack dev')
  })

  it('is told with all who have locked it', () => {
    const failure = lockFailure(
      'dev',
      said(
        '  s3://bucket/.pulumi/locks/1.json: created by anna@one (pid 17) at 2026-10-05T10:00:00Z',
        '  s3://bucket/.pulumi/locks/2.json: created by ben@two (pid 18) at 2026-10-05T11:00:00Z',
      ),
    )
    expect(failure?.text).toMatch(/anna on one.*ben on two/)
  })

  it('is not read into another error', () => {
    expect(lockFailure('dev', 'error: no space left on device')).toBeUndefined()
  })
})
