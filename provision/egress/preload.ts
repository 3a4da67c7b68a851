import { useEnvironment } from './use-environment.ts'

// A language host that is older than the engine does not take `typescript: false` from Pulumi.yaml: Pulumi would load a
// compiler that compiles nothing, and map each stack trace by it.
delete process.env.PULUMI_NODEJS_TYPESCRIPT
// What is wrong is told by whoever comes next: here only a stack trace would be.
await useEnvironment().catch(() => undefined)
