import { useEnvironment } from './use-environment.ts'

// What is wrong is told by whoever comes next: here only a stack trace would be.
await useEnvironment().catch(() => undefined)
