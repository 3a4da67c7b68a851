import type { StackOptions } from '../commands/command.ts'
import { quoted } from './right-line.ts'

/** A line of this project in a text, with what stands behind `--` up to where the sentence goes on. */
const LINE = /\bnpm run (-s )?([a-z]+)\b( -- [^;,)\n|]*)?/g

/**
 * Completes the lines of npm in a text, so that they work on the stack and configuration that a command was given: who
 * writes a hint writes `npm run up`, wherever that is.
 * @param commands those that take a stack
 * @param options undefined values where none was given: then a line is as it was
 */
export function completeLines(
  text: string,
  commands: ReadonlySet<string>,
  { stack, configFile }: Partial<StackOptions>,
): string {
  if (stack === undefined || (stack === 'dev' && configFile === undefined)) return text
  const file = configFile === undefined ? '' : ` --config-file ${quoted(configFile)}`
  const named =
    configFile === undefined ? text : text.replaceAll(`Pulumi.${stack}.yaml`, () => configFile)
  return named.replaceAll(LINE, (line, silent = '', command: string, rest = ' --') => {
    if (!commands.has(command) || rest.includes('--config-file')) return line
    const own = ` --stack ${quoted(stack)}`
    const begin = `npm run ${silent}${command} --`
    const others = rest.slice(' --'.length)
    if (!others.includes(' --stack ')) return `${begin}${own}${file}${others}`
    // Of another stack this file is none.
    return others.includes(own) ? `${begin}${others.replace(own, () => own + file)}` : line
  })
}
