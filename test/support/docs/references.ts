import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { PROJECT_ROOT } from '../../../infra/project.ts'

/** Blocks of code, in which nothing is a link or a heading. */
const CODE = /```[\s\S]*?```/g
const LINK = /\]\(([^)\s]+)\)/g
const HEADING = /^#+ (.+)$/gm
/** Of a file or folder of the tree, by the folders at its top. */
const TREE_PATH = /(?<![\w./-])(?:infra|provision|checks|test|docs)\/[\w./-]*\w/g

/**
 * Links of a document to files that are not there, or to headings that their files do not have.
 * @param file path of the document from the project's folder
 * @param read gives the text of another document by such a path
 */
export async function brokenLinks(
  file: string,
  read: (file: string) => Promise<string>,
): Promise<string[]> {
  const broken: string[] = []
  for (const [, link] of (await read(file)).replace(CODE, '').matchAll(LINK)) {
    if (/^[a-z]+:/.test(link!)) continue
    const [path, anchor] = link!.split('#') as [string, string?]
    const target = path === '' ? file : normalize(join(dirname(file), path))
    const isThere =
      existsSync(join(PROJECT_ROOT, target)) &&
      (anchor === undefined || anchorsOf(await read(target)).includes(anchor))
    if (!isThere) broken.push(link!)
  }
  return broken
}

/** As GitHub makes them of headings. */
const anchorsOf = (document: string): string[] =>
  [...document.replace(CODE, '').matchAll(HEADING)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

/** Paths that look like a file or folder of the tree, and are none. */
export const missingPaths = (document: string): string[] =>
  [...document.matchAll(TREE_PATH)]
    .map(([path]) => path)
    .filter(path => !existsSync(join(PROJECT_ROOT, path)))
