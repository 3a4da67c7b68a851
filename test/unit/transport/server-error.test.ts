import { describe, expect, it } from 'vitest'
import { refusal } from '../../../checks/transport/error-response.ts'

describe('what a server answers', () => {
  // Ollama answers 400 to whatever goes wrong while it embeds: the texts are those of 0.17.4, 0.32.15 and 0.33.
  it.each([
    'do embedding request: Post "http://127.0.0.1:41207/v1/embeddings": EOF',
    'do embedding request: Post "http://127.0.0.1:35001/embedding": read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer',
    'Post "http://127.0.0.1:41207/tokenize": dial tcp 127.0.0.1:41207: connect: connection refused',
    'llama-server process no longer running: -1 signal: killed',
    'llama runner process no longer running: -1',
    'model runner has unexpectedly stopped, this may be due to resource limitations or an internal error',
    'error reading embed response: unexpected EOF',
    'unexpected server status: llm server error',
    'embedding contains NaN or Inf values',
  ])('is a failure of the server and not of who asked when its runner died: %s', error => {
    const failure = refusal('Ollama', 400, JSON.stringify({ error }))
    expect(failure).toMatchObject({ kind: 'unavailable', reason: 'faulty' })
  })

  it('is a lack of memory when a runner says so with whichever status', () => {
    const error = 'llama-server reported out-of-memory during startup: cannot allocate'
    expect(refusal('Ollama', 400, JSON.stringify({ error })).reason).toBe('memory')
    expect(refusal('Ollama', 500, JSON.stringify({ error })).reason).toBe('memory')
  })

  it.each([
    'the input length exceeds the context length',
    'invalid input type',
    'unexpected EOF',
    'json: cannot unmarshal string into Go struct field',
  ])('is the fault of who asked when the request is wrong: %s', error => {
    expect(refusal('Ollama', 400, JSON.stringify({ error })).reason).toBe('rejected')
  })

  it('is the fault of what was asked when its database cannot take that', () => {
    const body = JSON.stringify({ error: 'InternalError', message: 'too many SQL variables' })
    expect(refusal('Chroma', 500, body)).toMatchObject({ kind: 'misused', reason: 'rejected' })
    expect(refusal('Chroma', 500, '{"message":"boom"}')).toMatchObject({ kind: 'unavailable' })
  })
})
