import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { Failure } from '../../../../infra/failure.ts'
import { parseSettings } from '../../../../infra/settings/parse-settings.ts'
import { GiB } from '../../../../infra/units.ts'
import {
  describedMachines,
  type MachineFlags,
} from '../../../../provision/plan/described-machines.ts'

const LINUX = { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' }
const SETTINGS = parseSettings('test', { home: '/tmp' })

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'machines-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(content: string): Promise<string> {
  const path = join(folder, 'machines.yaml')
  await writeFile(path, content)
  return path
}

const machines = (flags: MachineFlags) => describedMachines(flags, SETTINGS)

const refusal = (flags: MachineFlags): Promise<Failure> =>
  machines(flags).then(
    () => Promise.reject(new Error('it was read')),
    error => (error instanceof Failure ? error : Promise.reject(error)),
  )

describe('the machines of a plan', () => {
  it('are those of the target when none is described', async () => {
    expect(await machines({})).toBeUndefined()
  })

  it('are those of a file and of the command line together, named by their place', async () => {
    const nodes = await file('- memory=64GiB,cpu=16\n- name=pool,memory=32GiB,max=2,cost=90\n')
    const found = await machines({ nodes, node: ['memory=8GiB'] })
    expect(found?.map(({ name }) => name)).toEqual(['node-1', 'pool', 'node-3'])
    expect(found?.[1]).toMatchObject({ template: { max: 2 }, monthlyCost: 90 })
  })

  it('are those that kubectl printed, with what its pods leave', async () => {
    const allocatable = { cpu: '4', memory: '16Gi' }
    const requests = { cpu: '500m', memory: '4Gi' }
    const list = {
      kind: 'List',
      items: [
        { kind: 'Node', metadata: { name: 'a', labels: LINUX }, status: { allocatable } },
        {
          kind: 'Pod',
          metadata: { namespace: 'other' },
          spec: { nodeName: 'a', containers: [{ resources: { requests } }] },
        },
      ],
    }
    const found = await machines({ nodes: await file(JSON.stringify(list)) })
    expect(found).toMatchObject([{ name: 'a', cpu: 3.5, memory: 12 * GiB }])
  })

  const node = (name: string, kind?: string) => ({
    ...(kind && { kind }),
    metadata: { name, labels: LINUX },
    status: { allocatable: { cpu: '4', memory: '16Gi', pods: '10' } },
  })
  const pod = { metadata: { namespace: 'other' }, spec: { nodeName: 'a', containers: [] } }
  const nodeList = { kind: 'NodeList', items: [node('a'), node('b')] }
  it.each([
    ['the API’s own list, whose items name no kind', JSON.stringify(nodeList)],
    ['a list of lists', JSON.stringify({ kind: 'List', items: [nodeList, pod] })],
    ['the objects alone', JSON.stringify([node('a', 'Node'), node('b'), pod])],
    [
      'documents of YAML',
      [stringify(node('a', 'Node')), stringify(node('b')), stringify({ kind: 'Pod', ...pod })].join(
        '---\n',
      ),
    ],
  ])('are those of %s', async (_, content) => {
    const found = await machines({ nodes: await file(content) })
    expect(found?.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it.each([
    ['an empty list', '[]', 'lists no machines'],
    ['nothing', '', 'lists no machines'],
    ['machines as objects', '- memory: 64GiB\n', 'lists no machines'],
    ['a list of Kubernetes without nodes', '{"kind":"List","items":[]}', 'lists no machines'],
    ['a memory without its unit', '- memory=64\n', '"64"'],
    ['a unit of time', '- memory=64h\n', '"64h"'],
    ['a negative memory', '- memory=-64GiB\n', '"-64GiB"'],
    ['no YAML', '{', 'cannot be read'],
  ])('are refused where the file holds %s', async (_, content, message) => {
    const { text } = await refusal({ nodes: await file(content) })
    expect(text).toContain(message)
  })

  it('are refused where the file is not there', async () => {
    const { text, exitCode } = await refusal({ nodes: join(folder, 'no.yaml') })
    expect(text).toContain('ENOENT')
    expect(exitCode).toBe(2)
  })
})
