import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type Docker from 'dockerode'
import { create } from 'tar'

const PERMISSIONS = '0644'

interface Upload {
  file: string
  content: string
  owner?: string
  permissions?: string
}

/** Puts files into a container that is made and not started: from its root, as the official provider does. */
export async function upload(uploads: Upload[], made: Docker.Container): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'upload-'))
  try {
    for (const { file, content, owner = '0', permissions = PERMISSIONS } of uploads) {
      const path = join(folder, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
      await chmod(path, Number.parseInt(permissions, 8))
      await chown(path, Number(owner), 0)
    }
    const archive = join(folder, 'upload.tar')
    const files = uploads.map(({ file }) => file.slice(1))
    if (files.length === 0) return
    await create({ cwd: folder, file: archive }, files)
    await made.putArchive(archive, { path: '/' })
  } finally {
    await rm(folder, { recursive: true })
  }
}
