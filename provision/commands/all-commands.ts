import type { AnyCommand } from './command.ts'

/** Only what is run is loaded: some commands bring a whole HTTP server along. */
export const COMMANDS: Record<string, () => Promise<AnyCommand>> = {
  up: async () => (await import('./deploy/up.ts')).up,
  plan: async () => (await import('./inspect/plan.ts')).plan,
  preview: async () => (await import('./deploy/preview.ts')).preview,
  render: async () => (await import('./deploy/render.ts')).render,
  down: async () => (await import('./deploy/down.ts')).down,
  status: async () => (await import('./inspect/status.ts')).status,
  models: async () => (await import('./artifacts/models.ts')).models,
  images: async () => (await import('./artifacts/images.ts')).images,
  mirror: async () => (await import('./artifacts/mirror.ts')).mirror,
  verify: async () => (await import('./inspect/verify.ts')).verify,
  reshard: async () => (await import('./data/reshard.ts')).reshard,
  backup: async () => (await import('./data/backup.ts')).backup,
  restore: async () => (await import('./data/restore.ts')).restore,
  forget: async () => (await import('./data/forget.ts')).forget,
  diagnose: async () => (await import('./inspect/diagnose.ts')).diagnose,
  doctor: async () => (await import('./inspect/doctor.ts')).doctor,
  api: async () => (await import('./access/api.ts')).api,
  token: async () => (await import('./access/token.ts')).token,
}

/** Those that work on a stack: all but the one that serves a folder. */
export const STACK_COMMANDS: ReadonlySet<string> = new Set(
  Object.keys(COMMANDS).filter(name => name !== 'mirror'),
)
