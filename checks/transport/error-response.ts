import { parseJson } from './parse-json.ts'
import { reasonOfStatus, ServerError } from './server-error.ts'

const LONGEST_MESSAGE = 300

/** Both servers put the text of an error into a JSON field; a proxy in between does not. */
function messageOf(body: string): string {
  const parsed = parseJson(body) as { message?: unknown; error?: unknown } | null | undefined
  const message = parsed?.message ?? parsed?.error
  const text = typeof message === 'string' && message !== '' ? message : body.trim()
  return text === '' ? 'no reason given' : text.slice(0, LONGEST_MESSAGE)
}

/** What an answer other than 2xx means, with the server's own words. */
export function refusal(label: string, status: number, body: string): ServerError {
  const message = messageOf(body)
  return new ServerError(reasonOfStatus(status, message), `${label} answered ${status}: ${message}`)
}
