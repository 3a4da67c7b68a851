import { runPython } from '../toolchain/python.ts'

const PACKAGES = ['schemathesis==4.32.5']

/**
 * Runs the fuzzer Schemathesis.
 * @returns what it said
 * @throws with the end of it when it found something
 */
export const fuzz = (args: string[], folder: string): Promise<string> =>
  runPython(PACKAGES, ['-m', 'schemathesis.cli', ...args], folder)
