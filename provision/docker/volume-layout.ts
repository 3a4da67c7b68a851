import { EMBEDDING_LABEL, INSTANCES_LABEL, SHARDS_LABEL } from '../../infra/docker/docker-names.ts'
import type { Layout } from '../../infra/ownership/data-layout.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { givenOwner } from '../ownership/claim.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { askEngine } from './docker-engine.ts'
import { ownVolumes } from './volumes.ts'

/** How the stack's own data was laid out when its volumes were made, as they say themselves; undefined where there are none. */
export const volumesLayout = (settings: Settings): Promise<Partial<Layout> | undefined> =>
  askEngine(async docker => {
    const home = await ownerOf(settings)
    // What is somebody else's is not the stack's data, and is refused once Pulumi's state is known too.
    const volumes = await ownVolumes(settings, { ...home, id: home.id ?? givenOwner() }, docker)
    const labels = volumes.map(volume => volume.labels).find(labels => SHARDS_LABEL in labels)
    if (labels === undefined) return undefined
    const embeddingModel = labels[EMBEDDING_LABEL]
    return {
      shards: Number(labels[SHARDS_LABEL]),
      instances: Number(labels[INSTANCES_LABEL]),
      ...(embeddingModel !== undefined && { embeddingModel }),
    }
  })
