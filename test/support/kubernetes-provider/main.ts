import { Server, ServerCredentials } from '@grpc/grpc-js'
import { ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb.js'
import { providerService } from './service.ts'

/** Models and states of large objects pass through here: no limit, as the engine has none. */
const UNLIMITED = -1

const server = new Server({ 'grpc.max_receive_message_length': UNLIMITED })
server.addService(ResourceProviderService, providerService())
const port = await new Promise<number>((resolve, reject) =>
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  ),
)
// The engine reads from here where the provider listens.
console.log(port)
