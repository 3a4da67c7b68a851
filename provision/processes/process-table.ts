import { readdirSync } from 'node:fs'
import { ENDED, environmentOf, lingers, procFile, ps, statOf } from '../process-identity.mjs'

/**
 * The processes of a group that linger. A signal of 0 to the group does not tell: it reaches zombies too, and a
 * container's first process may leave them for good.
 * @returns pids
 */
export function processesOfGroup(group: number): number[] {
  if (process.platform !== 'linux') return groupByPs(group)
  return allPids().filter(pid => {
    const fields = statOf(pid)
    return fields !== undefined && fields[2] === String(group) && lingers(pid, fields)
  })
}

/**
 * The processes that were started with a value in their environment, as far as this user may see it.
 * @param value a random one: elsewhere than on Linux it is looked for in all that `ps` shows
 * @returns pids
 */
export function processesWith(name: string, value: string): number[] {
  if (process.platform !== 'linux') return environmentsByPs(`${name}=${value}`)
  return allPids().filter(pid => environmentOf(pid)?.[name] === value)
}

/**
 * The processes that were started with an argument, of those that this user may see.
 * @returns pids
 */
export function processesGiven(argument: string): number[] {
  if (process.platform !== 'linux') return argumentsByPs(argument)
  return allPids().filter(pid => procFile(pid, 'cmdline')?.split('\0').includes(argument))
}

/** The process that started another, or that was given it when that one ended; undefined when no such process runs. */
export function parentOf(pid: number): number | undefined {
  const parent =
    process.platform === 'linux' ? statOf(pid)?.[1] : ps('-o', 'ppid=', '-p', String(pid))
  return Number(parent) || undefined
}

/** The command line of a process, as far as it tells what runs there; undefined where the system does not say. */
export const commandOf = (pid: number): string | undefined =>
  ps('-o', 'args=', '-p', String(pid)).slice(0, 120) || undefined

/** The name of the file that a process runs, cut to 15 characters on Linux; empty when no such process runs. */
export function processName(pid: number): string {
  if (process.platform !== 'linux') return ps('-o', 'comm=', '-p', String(pid))
  return procFile(pid, 'comm')?.trim() ?? ''
}

const allPids = (): number[] =>
  readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? [Number(name)] : []))

function groupByPs(group: number): number[] {
  const rows = ps('-A', '-o', 'pid=,pgid=,state=').split('\n')
  return rows.flatMap(row => {
    const [pid, of, state] = row.trim().split(/\s+/)
    return of === String(group) && !ENDED.test(state ?? '') ? [Number(pid)] : []
  })
}

function argumentsByPs(wanted: string): number[] {
  const rows = ps('-A', '-ww', '-o', 'pid=,args=').split('\n')
  return rows.flatMap(row => {
    const [pid, ...words] = row.trim().split(/\s+/)
    return words.includes(wanted) ? [Number(pid)] : []
  })
}

/** In BSD's letters, which every ps takes: all processes, with their environment behind the command. */
export function environmentsByPs(wanted: string): number[] {
  const rows = ps('axeww', '-o', 'pid=,command=').split('\n')
  return rows.filter(row => row.includes(wanted)).map(row => Number.parseInt(row, 10))
}
