import { describe, expect, it } from 'vitest'
import { completeLines } from '../../../provision/npm/complete-lines.ts'

const COMMANDS = new Set(['up', 'down', 'verify', 'token'])
const complete = (text: string, options: { stack?: string; configFile?: string }) =>
  completeLines(text, COMMANDS, options)

describe('a line that a hint gives', () => {
  it.each([
    ['npm run up', 'npm run up -- --stack docker'],
    [
      'start it: npm run up; or npm run verify',
      'start it: npm run up -- --stack docker; or npm run verify -- --stack docker',
    ],
    ['npm run down -- --purge, then', 'npm run down -- --stack docker --purge, then'],
    ['(npm run -s token -- --service)', '(npm run -s token -- --stack docker --service)'],
    ['npm run up -- --stack docker', 'npm run up -- --stack docker'],
    ['npm run up -- --stack prod', 'npm run up -- --stack prod'],
    ['npm run lint', 'npm run lint'],
  ])('names the stack: %s', (hint, line) => {
    expect(complete(hint, { stack: 'docker' })).toBe(line)
  })

  it.each([
    ['npm run up', "npm run up -- --stack dev --config-file 'my team.yaml'"],
    [
      'npm run down -- --stack dev --purge',
      "npm run down -- --stack dev --config-file 'my team.yaml' --purge",
    ],
    ['npm run up -- --stack docker', 'npm run up -- --stack docker'],
    ['edit Pulumi.dev.yaml', 'edit my team.yaml'],
    ['npm run up -- --config-file other.yaml', 'npm run up -- --config-file other.yaml'],
  ])('names the configuration file too: %s', (hint, line) => {
    expect(complete(hint, { stack: 'dev', configFile: 'my team.yaml' })).toBe(line)
  })

  it('stays as it is for the default, and for what no stack was named for', () => {
    expect(complete('npm run up', { stack: 'dev' })).toBe('npm run up')
    expect(complete('npm run up', {})).toBe('npm run up')
  })
})
