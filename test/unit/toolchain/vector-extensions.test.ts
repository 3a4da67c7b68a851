import { expect, it } from 'vitest'
import { vectorExtensions } from '../../../provision/toolchain/installers/vector-extensions.ts'

const cpuinfo = (flags: string) => async () => `processor\t: 0\nflags\t\t: fpu ${flags} sse2\n`

it('Ollama is compiled for the vector instructions that the machine has', async () => {
  expect(await vectorExtensions(cpuinfo('avx avx2 f16c fma bmi2'))).toEqual([
    'avx2',
    'fma',
    'f16c',
    'bmi2',
  ])
})

it('Ollama is compiled for any machine where one of them is missing, or /proc is', async () => {
  expect(await vectorExtensions(cpuinfo('avx f16c fma bmi2'))).toEqual([])
  expect(await vectorExtensions(() => Promise.reject(new Error('ENOENT')))).toEqual([])
})
