import { readDocument } from './readme.ts'

/** The lines of the fenced blocks of a kind in the README, in their order, without comments; '' is the kind of none. */
async function fenced(kind: string): Promise<string[][]> {
  const readme = await readDocument('README.md')
  const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
  return blocks
    .filter(([, language]) => language === kind)
    .map(([, , text]) =>
      text!
        .replaceAll(/\\\n\s*/g, '')
        .trimEnd()
        .split('\n'),
    )
}

/** What the README shows of the end of a first `npm run up`. */
export const sampleOfUp = async (): Promise<string[]> => (await fenced('')).flat()

/** The lines of the README that call the dev stack's servers, or make a token for that, in their order. */
export async function linesToServers(): Promise<string[]> {
  const lines = (await fenced('sh')).flat().map(line => line.replace(/ {2,}#.*$/, ''))
  return lines.filter(line => /^(export TOKEN|curl)/.test(line))
}
