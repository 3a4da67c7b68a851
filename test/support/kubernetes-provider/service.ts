import { createRequire } from 'node:module'
import { Metadata, status, type UntypedServiceImplementation } from '@grpc/grpc-js'
import plugin from '@pulumi/pulumi/proto/plugin_pb.js'
import messages from '@pulumi/pulumi/proto/provider_pb.js'
import statusMessages from '@pulumi/pulumi/proto/status_pb.js'
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import struct, { type Struct } from 'google-protobuf/google/protobuf/struct_pb.js'
import type { KubeObject } from '../cluster/api.ts'
import { connect, type ProviderArgs, type Unreachable } from './connect.ts'
import { NotReady } from './object-state.ts'
import { KubernetesProvider } from './provider.ts'

/** The engine warns of a provider that is older than its SDK. */
const { version } = createRequire(import.meta.url)('@pulumi/kubernetes/package.json') as {
  version: string
}

/** The calls of the engine, from its messages to plain objects and back. */
export function providerService(): UntypedServiceImplementation {
  const stop = new AbortController()
  let provider: Promise<KubernetesProvider>

  return {
    getPluginInfo: answer(async () => new plugin.PluginInfo().setVersion(version)),
    attach: answer(async () => new empty.Empty()),
    cancel: answer(async () => {
      stop.abort(new Error('cancelled'))
      return new empty.Empty()
    }),

    configure: answer(async (request: messages.ConfigureRequest) => {
      const args = argsOf(plain(request.getArgs()))
      // Told by each call that needs the cluster.
      const cluster = connect(args).catch((error: Unreachable) => error)
      provider = cluster.then(cluster => new KubernetesProvider(cluster, args, stop.signal))
      return new messages.ConfigureResponse().setSupportspreview(true)
    }),

    check: answer(async (request: messages.CheckRequest) => {
      const olds = plain<Partial<KubeObject>>(request.getOlds())
      const inputs = await (await provider).check(request.getName(), olds, plain(request.getNews()))
      return new messages.CheckResponse().setInputs(toStruct(inputs))
    }),

    diff: answer(async (request: messages.DiffRequest) => {
      const ignored = request.getIgnorechangesList()
      const news = plain<KubeObject>(request.getNews())
      const { changed, replaces, deleteBeforeReplace } = await (await provider).diff(
        plain(request.getOldInputs()),
        news,
        ignored,
      )
      const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges
      return new messages.DiffResponse()
        .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList(changed)
        .setReplacesList(replaces)
        .setDeletebeforereplace(deleteBeforeReplace)
    }),

    create: answer(async (request: messages.CreateRequest) => {
      const inputs = plain<KubeObject>(request.getProperties())
      const { id, live } = await (await provider).create(inputs, {
        preview: request.getPreview(),
        timeoutSeconds: request.getTimeout(),
      })
      return new messages.CreateResponse().setId(id).setProperties(toStruct(live))
    }),

    update: answer(async (request: messages.UpdateRequest) => {
      const inputs = plain<KubeObject>(request.getNews())
      const { live } = await (await provider).update(plain(request.getOlds()), inputs, {
        preview: request.getPreview(),
        timeoutSeconds: request.getTimeout(),
        ignored: request.getIgnorechangesList(),
      })
      return new messages.UpdateResponse().setProperties(toStruct(live))
    }),

    read: answer(async (request: messages.ReadRequest) => {
      const read = await (await provider).read(
        request.getId(),
        plain(request.getInputs()),
        plain(request.getProperties()),
      )
      // No id tells the engine that the object is gone.
      if (read === undefined) return new messages.ReadResponse()
      return new messages.ReadResponse()
        .setId(request.getId())
        .setInputs(toStruct(read.inputs))
        .setProperties(toStruct(read.live))
    }),

    delete: answer(async (request: messages.DeleteRequest) => {
      await (await provider).delete(plain(request.getProperties()), request.getTimeout())
      return new empty.Empty()
    }),
  }
}

type Callback = (error: object | null, answer?: unknown) => void

function answer<Request>(work: (request: Request) => Promise<unknown>) {
  return ({ request }: { request: Request }, callback: Callback) => {
    work(request).then(
      answer => callback(null, answer),
      error => callback(asFailure(error as Error)),
    )
  }
}

/** One that was made but did not get ready stays in the state, and the next update goes on with it. */
function asFailure(error: Error): object {
  const { message } = error
  if (!(error instanceof NotReady)) return { code: status.UNKNOWN, message }
  const detail = new messages.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(toStruct(error.live))
    .setReasonsList([message])
  const any = new anyMessages.Any()
  any.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed')
  const details = new statusMessages.Status().setCode(status.UNKNOWN).setMessage(message)
  details.addDetails(any)
  const metadata = new Metadata()
  metadata.add('grpc-status-details-bin', Buffer.from(details.serializeBinary()))
  return { code: status.UNKNOWN, message, metadata }
}

/** The engine hands over what is not a text as JSON. */
function argsOf(texts: Record<string, unknown>): ProviderArgs {
  const isMark = (value: unknown): value is string => value === 'true' || value === 'false'
  const entries = Object.entries(texts).map(([key, value]) => [
    key,
    isMark(value) ? value === 'true' : value,
  ])
  return Object.fromEntries(entries)
}

function plain<Shape extends object>(message: Struct | undefined): Shape {
  return (message?.toJavaScript() ?? {}) as Shape
}

/** By way of JSON, which leaves out what is undefined. */
const toStruct = (value: object): Struct =>
  struct.Struct.fromJavaScript(JSON.parse(JSON.stringify(value)))
