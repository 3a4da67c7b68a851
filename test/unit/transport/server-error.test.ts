import { describe, expect, it } from 'vitest'
import { refusal } from '../../../checks/transport/error-response.ts'

describe('what a server answers', () => {
  it('is the fault of what was asked when its database cannot take that', () => {
    const body = JSON.stringify({ error: 'InternalError', message: 'too many SQL variables' })
    expect(refusal('Chroma', 500, body)).toMatchObject({ kind: 'misused', reason: 'rejected' })
    expect(refusal('Chroma', 500, '{"message":"boom"}')).toMatchObject({ kind: 'unavailable' })
  })
})
