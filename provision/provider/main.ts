import { main } from '@pulumi/pulumi/provider/index.js'
import { useEnvironment } from '../egress/use-environment.ts'
import { endWithEngine } from './end-with-engine.ts'
import { engineLog } from './engine-log.ts'
import { KnowledgeProvider } from './provider.ts'

await useEnvironment()
const args = process.argv.slice(2)
const engineAddress = args.find(arg => !arg.startsWith('-'))
const log = engineAddress === undefined ? () => undefined : engineLog(engineAddress)
const provider = new KnowledgeProvider(log)
void endWithEngine(provider, engineAddress)
await main(provider, args)
