import { readFile } from 'node:fs/promises'
import { Failure } from '../../../infra/failure.ts'
import { parseJson } from '../../transport/parse-json.ts'

/**
 * What is in a JSON file; undefined when it is no JSON. The parser's own words are not passed on: they quote the
 * file, and it may hold secrets.
 * @param name what the file is, for the message
 * @throws Failure `misused` when it cannot be read
 */
export async function readJsonFile(name: string, path: string, mend: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new Failure('misused', `${name} ${path} cannot be read (${error.code})`, { mend })
  })
  return parseJson(text)
}
