import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { forgetOldUpdates } from '../../../provision/pulumi/update-history.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'history-'))
})
afterEach(() => rm(home, { recursive: true }))

/** As Pulumi 3.250 was seen to name them; compressed ones as its source does. */
const FILES: Record<string, (time: string) => string[]> = {
  history: time =>
    ['checkpoint.json', 'history.json', 'checkpoint.json.gz'].flatMap(kind => [
      `dev-${time}.${kind}`,
      `dev-${time}.${kind}.attrs`,
    ]),
  backups: time => [`dev.${time}.json`, `dev.${time}.json.attrs`, `dev.${time}.json.gz`],
}

test('of many updates the newest stay, with all that belongs to each, and nothing else goes', async () => {
  const times = Array.from({ length: 60 }, (_, index) => `17957471107730${10_000 + index}`)
  for (const [kind, filesOf] of Object.entries(FILES)) {
    for (const stack of ['dev', 'other']) {
      const folder = join(home, 'state/pulumi/.pulumi', kind, 'knowledge-stack', stack)
      await mkdir(folder, { recursive: true })
      for (const file of [...times.flatMap(filesOf), 'notes.json'])
        await writeFile(join(folder, file), '')
    }
  }
  await forgetOldUpdates(parseSettings('dev', { home }))
  for (const [kind, filesOf] of Object.entries(FILES)) {
    const folder = join(home, 'state/pulumi/.pulumi', kind, 'knowledge-stack')
    const kept = [...times.slice(10).flatMap(filesOf), 'notes.json']
    expect((await readdir(join(folder, 'dev'))).sort()).toEqual(kept.sort())
    expect(await readdir(join(folder, 'other'))).toHaveLength(times.flatMap(filesOf).length + 1)
  }
})

test('a stack without any is no fault', async () => {
  await forgetOldUpdates(parseSettings('dev', { home }))
  expect(await readdir(home)).toEqual([])
})
