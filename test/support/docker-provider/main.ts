import { main } from '@pulumi/pulumi/provider/index.js'
import { DockerProvider } from './provider.ts'

await main(new DockerProvider(), process.argv.slice(2))
