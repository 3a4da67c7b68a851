import { debianCommand } from '../servers/debian.ts'

/** @returns where Chromium is, installed first where that is allowed; undefined when there is none */
export const findChromium = (): Promise<string | undefined> => debianCommand('chromium')
