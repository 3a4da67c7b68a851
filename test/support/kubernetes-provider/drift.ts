import { isDeepStrictEqual } from 'node:util'

type Json = unknown
type Fields = Record<string, Json>

const isFields = (value: Json): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Dotted paths of the fields that differ; a list is one field. */
export function changedPaths(olds: Json, news: Json, path = ''): string[] {
  if (isDeepStrictEqual(olds, news)) return []
  if (!isFields(olds) || !isFields(news)) return [path]
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)])
  return [...keys].flatMap(key =>
    changedPaths(olds[key], news[key], path === '' ? key : `${path}.${key}`),
  )
}

/**
 * What the inputs would have to be for the object as it is now: where a field is what it was after the last
 * update, the inputs stand, in whatever form they were written (`1024Mi` is read back as `1Gi`); where it is
 * not, somebody changed it. Fields that the inputs say nothing of are not the program's.
 */
export function drifted(inputs: Json, before: Json, now: Json): Json {
  if (isDeepStrictEqual(before, now)) return inputs
  if (isFields(inputs) && isFields(now)) {
    const entries = Object.entries(inputs).flatMap(([key, value]): [string, Json][] => {
      const was = isFields(before) ? before[key] : undefined
      const is = drifted(value, was, now[key])
      return is === undefined ? [] : [[key, is]]
    })
    return Object.fromEntries(entries)
  }
  if (Array.isArray(inputs) && Array.isArray(before) && Array.isArray(now)) {
    if (inputs.length === now.length) {
      return inputs.map((value, index) => drifted(value, before[index], now[index]))
    }
  }
  return now
}
