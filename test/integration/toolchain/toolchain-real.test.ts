import { readdir } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { PINS, type ToolName } from '../../../provision/toolchain/pinned-tools.ts'
import { probeVersion } from '../../../provision/toolchain/probe.ts'
import type { Tool } from '../../../provision/toolchain/toolchain.ts'
import { realTools } from '../../support/toolchain/toolchain.ts'

const task = { report: () => {}, signal: new AbortController().signal }
let tools: Record<ToolName, Tool>

beforeAll(async () => {
  tools = await realTools()
})

describe('what the last way gives', () => {
  it.each<[ToolName, string]>([
    ['pulumi', PINS.pulumi.version],
    ['ollama', PINS.ollama.version],
    ['chroma', '1.4.4'],
  ])('runs: %s says it is %s', async (part, version) => {
    expect(await probeVersion(part, tools[part].command, process.env, task)).toBe(version)
  })

  it('has the language host beside the engine', async () => {
    expect(await readdir(tools.pulumi.binFolders[0]!)).toEqual(['pulumi', 'pulumi-language-nodejs'])
  })

  it('says which way it came and why', () => {
    expect(tools.pulumi.why).toBe('built from source, as the offline build asks')
    expect(tools.chroma.why).toBe('run from the PyPI package chromadb, as the offline build asks')
  })
})
