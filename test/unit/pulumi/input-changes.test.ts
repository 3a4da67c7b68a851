import { describe, expect, it } from 'vitest'
import { SECRET_MARK } from '../../../provision/provider/secret-values.ts'
import { describeChange, inputChanges } from '../../../provision/pulumi/input-changes.ts'

const secret = (value: string) => ({ [SECRET_MARK]: '1b47061264138c4ac30d75fd1eb44270', value })
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'

describe('what changes of a resource', () => {
  it.each([
    ['nothing', { a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 }, []],
    ['a value', { a: 1 }, { a: 2 }, ['a: 1 → 2']],
    ['a value that comes', {}, { a: 'x' }, ['a: none → x']],
    ['a value that goes', { a: true }, {}, ['a: true → none']],
    ['a value further in', { a: { b: 1, c: 1 } }, { a: { b: 1, c: 2 } }, ['a.c: 1 → 2']],
    ['a list', { a: [1] }, { a: [1, 2] }, ['a: [1] → [1,2]']],
    ['what a deployment will tell', { a: 'x' }, { a: UNKNOWN }, []],
    ["what is the engine's own", { __defaults: [] }, { __defaults: ['x'] }, []],
    ['a file', { a: 'x\n' }, { a: 'y\n' }, ['a: another']],
    [
      'a long value that begins as before',
      { a: 'x'.repeat(61) },
      { a: `${'x'.repeat(60)}y` },
      ['a: another'],
    ],
    ['a long value', { a: 'short' }, { a: 'y'.repeat(61) }, [`a: short → ${'y'.repeat(59)}…`]],
    ['a secret, without what it is', { a: secret('one') }, { a: secret('two') }, ['a: another']],
    ['a secret that comes', { a: 'x' }, { a: secret('two') }, ['a: x → (a secret)']],
  ])('is told: %s', (_, before, after, told) => {
    expect(inputChanges(before, after).map(describeChange)).toEqual(told)
  })
})
