import { main } from '@pulumi/pulumi/provider/index.js'
import { endWithEngine } from './end-with-engine.ts'
import { engineLog } from './engine-log.ts'
import { KnowledgeProvider } from './provider.ts'

const args = process.argv.slice(2)
const engineAddress = args.find(arg => !arg.startsWith('-'))
const log = engineAddress === undefined ? () => undefined : engineLog(engineAddress)
const provider = new KnowledgeProvider(log)
void endWithEngine(provider)
await main(provider, args)
