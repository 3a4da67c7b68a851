import { main } from '@pulumi/pulumi/provider/index.js'
import { useEnvironment } from '../egress/use-environment.ts'
import { engineLog } from './engine-log.ts'
import { KnowledgeProvider } from './provider.ts'

await useEnvironment()
const args = process.argv.slice(2)
const engineAddress = args.find(arg => !arg.startsWith('-'))
const log = engineAddress === undefined ? () => undefined : engineLog(engineAddress)
await main(new KnowledgeProvider(log), args)
