import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { create } from 'tar'
import { Failure, reasonOf } from '../../infra/failure.ts'

/**
 * Writes texts as files of a folder in an archive (tar, gzip), for its owner's eyes.
 * @throws Failure `unavailable` when it cannot be written
 */
export async function writeBundle(
  file: string,
  folder: string,
  texts: ReadonlyMap<string, string>,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'knowledge-stack-'))
  try {
    for (const [name, text] of texts) {
      const path = join(scratch, folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, '', { mode: 0o600 })
    await create({ cwd: scratch, file, gzip: true, portable: true }, [folder])
  } catch (error) {
    throw new Failure('unavailable', `${file} cannot be written: ${reasonOf(error)}`, {
      mend: 'name a place for it: npm run diagnose -- --out FILE',
      cause: error,
    })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
