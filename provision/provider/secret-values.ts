/** How the engine marks a secret in what it sends (sdk/go/common/resource, SigKey and SecretSig). */
export const SECRET_MARK = '4dabf18193072939515e22adb298388d'
const SECRET = '1b47061264138c4ac30d75fd1eb44270'

/** Properties with their secrets laid open, however deep, for the work to be done with them. */
export function revealed<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(revealed) as Value
  if (typeof value !== 'object' || value === null) return value
  const marked = value as Record<string, unknown>
  if (marked[SECRET_MARK] === SECRET) return revealed(marked.value as Value)
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, revealed(inner)]),
  ) as Value
}
