import { expect, it } from 'vitest'
import { vectorFlags } from '../../provision/toolchain/vector-flags.ts'

const cpuinfo = (flags: string) => async () => `processor\t: 0\nflags\t\t: fpu ${flags} sse2\n`

it('Ollama is compiled for the vector instructions that the machine has', async () => {
  expect(await vectorFlags(cpuinfo('avx avx2 f16c fma bmi2'))).toEqual([
    '-mavx2',
    '-mfma',
    '-mf16c',
    '-mbmi2',
  ])
})

it('Ollama is compiled for any machine where one of them is missing, or /proc is', async () => {
  expect(await vectorFlags(cpuinfo('avx f16c fma bmi2'))).toEqual([])
  expect(await vectorFlags(() => Promise.reject(new Error('ENOENT')))).toEqual([])
})
