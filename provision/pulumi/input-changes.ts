import { SECRET_MARK } from '../provider/secret-values.ts'

/** A part of what something is made from, as it was and as it is to be. */
export interface InputChange {
  /** `environment.OLLAMA_CONTEXT_LENGTH` */
  path: string
  /** Undefined where there was none. */
  from?: string
  /** Undefined where there is to be none. */
  to?: string
}

/** What Pulumi says for a value that only the deployment will tell. */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'
/** In place of two values that look the same here: both are secret, or too long to be shown. */
export const ANOTHER = 'another'
/** Of a longer value its beginning is shown. */
const LONGEST_VALUE = 60

type Inputs = Readonly<Record<string, unknown>>

/** Where two sets of inputs differ, as far as it is known before a deployment. */
export function inputChanges(before: Inputs, after: Inputs, within = ''): InputChange[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys]
    .filter(key => !key.startsWith('__'))
    .flatMap(key => valueChanges(before[key], after[key], `${within}${key}`))
}

function valueChanges(before: unknown, after: unknown, path: string): InputChange[] {
  if (JSON.stringify(before) === JSON.stringify(after) || after === UNKNOWN) return []
  if (isInputs(before) && isInputs(after)) return inputChanges(before, after, `${path}.`)
  const [from, to] = [shown(before), shown(after)]
  const texts =
    from === to
      ? { to: ANOTHER }
      : { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  return [{ path, ...texts }]
}

const isInputs = (value: unknown): value is Inputs =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(SECRET_MARK in value)

function shown(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (text.includes(SECRET_MARK) || text.includes('[secret]')) return '(a secret)'
  if (text.includes('\n')) return '(a file)'
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text
}

/** `contextLength: 1024 → 2048` */
export const describeChange = ({ path, from, to }: InputChange): string =>
  `${path}: ${to === ANOTHER ? '' : `${from ?? 'none'} → `}${to ?? 'none'}`
