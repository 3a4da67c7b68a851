import type * as docker from '@pulumi/docker'
import type { Workload } from '../../capacity/workload.ts'
import { layoutOf } from '../../ownership/data-layout.ts'
import { chromaServer } from '../../servers/chroma-spec.ts'
import type { SpecArgs } from '../../servers/server-spec.ts'
import type { StackContext } from '../container.ts'
import { CHROMA_CONTAINER_PORTS } from '../container-ports.ts'
import { chromaPart, EMBEDDING_LABEL, INSTANCES_LABEL, SHARDS_LABEL } from '../docker-names.ts'
import { guardedContainer } from './guarded-container.ts'

/** One Chroma server with its auth proxy and its volume. */
export function chromaContainer(
  context: StackContext,
  args: SpecArgs,
  index: number,
  plan: Workload | undefined,
): docker.Container {
  const { shards, instances, embeddingModel } = layoutOf(args.settings)
  return guardedContainer(context, {
    ...chromaServer(args, CHROMA_CONTAINER_PORTS, plan),
    part: chromaPart(index),
    published: args.settings.chroma.port + index,
    volumeLabels: [
      { label: SHARDS_LABEL, value: `${shards}` },
      { label: INSTANCES_LABEL, value: `${instances}` },
      { label: EMBEDDING_LABEL, value: embeddingModel },
    ],
    own: { stopSignal: 'SIGTERM' },
  })
}
