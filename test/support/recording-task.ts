import type { Task } from '../../provision/progress.ts'

/** A task that keeps what is reported. */
export function recordingTask(signal: AbortSignal = new AbortController().signal) {
  const reports: string[] = []
  const task: Task = { signal, report: text => reports.push(text) }
  return { task, reports }
}
