import { runChecks } from '../../checks/run-checks.ts'
import { Outputs } from '../../infra/outputs.ts'
import { telling } from './store/store-checks.ts'

/** A process that verifies the store of the outputs it is given and says which checks are done, to be killed. */
const outputs = Outputs.parse(JSON.parse(process.argv[2] ?? ''))
await runChecks(outputs, {
  readOnly: false,
  signal: new AbortController().signal,
  checks: telling(name => console.log(name)),
})
