import { open, readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { blobPath, manifestPath, readManifest } from '../../../checks/models/model-files.ts'
import type { DeployedModel, Outputs } from '../../../infra/outputs.ts'
import { MiB, minutes } from '../../../infra/units.ts'
import { tinyNomicBert } from '../../support/models/tiny-nomic-bert.ts'
import { storeModel } from '../../support/store/test-store.ts'
import type { Defect, Made } from '../defect.ts'
import type { World } from '../world.ts'

const EMBEDDING = 'nomic-embed-text:latest'
/** Ollama looks through a model's file at every request for embeddings, and refuses them when it is short. */
const ASKED = ['embedding-vectors', 'embedding-repeatable', 'embedding-meaning', 'embedding-whole']

/** Models that are not there, are others, or run otherwise than planned: real ones, in a real Ollama. */
export const MODELS: Defect[] = [
  {
    defect: 'a model is missing',
    done: "its manifest was taken out of Ollama's store",
    caughtBy: ['models-present'],
    says: /nomic-embed-text:latest is not in the pool default/,
    async make({ modelsFolder }) {
      const manifest = manifestPath(modelsFolder, EMBEDDING)
      await rename(manifest, `${modelsFolder}/taken-out`)
      return { mend: () => rename(`${modelsFolder}/taken-out`, manifest) }
    },
  },
  {
    defect: 'a model with another digest',
    done: 'it was made anew with other parameters, under the same name',
    caughtBy: ['models-present'],
    says: /nomic-embed-text:latest is there with another digest/,
    async make({ modelsFolder }) {
      const manifest = manifestPath(modelsFolder, EMBEDDING)
      const before = await readFile(manifest)
      const parameters = { num_thread: 2 }
      const gguf = tinyNomicBert()
      await storeModel(modelsFolder, EMBEDDING, { gguf, family: 'nomic-bert', parameters })
      return { mend: () => writeFile(manifest, before) }
    },
  },
  {
    defect: 'a file of a model that is cut short',
    done: 'the last byte of its weights was cut off',
    caughtBy: ['models-intact', ...ASKED],
    says: /sha256-\w+ has \d+ bytes and should have \d+/,
    async make({ modelsFolder }) {
      const { path, size } = await weightsOf(modelsFolder)
      const last = await byteAt(path, size - 1)
      await truncate(path, size - 1)
      return { mend: () => last.write() }
    },
  },
  {
    defect: 'a corrupt file of a model',
    done: 'the last byte of its weights is another',
    caughtBy: ['models-intact'],
    deep: true,
    says: /sha256-\w+ holds other bytes than its name says/,
    async make({ modelsFolder }) {
      const { path, size } = await weightsOf(modelsFolder)
      const last = await byteAt(path, size - 1)
      await last.write(last.value ^ 1)
      return { mend: () => last.write() }
    },
  },
  {
    defect: 'a model on the CPU that the plan put on a GPU',
    done: 'Ollama has no GPU, and the plan counts on one',
    caughtBy: ['models-planned'],
    says: /gpt-oss:20b runs on the CPU; the plan put it on a GPU/,
    make: world => planned(world, { host: 0, gpu: 64 * MiB }),
  },
  {
    defect: 'a model that takes far more memory than planned',
    done: 'the plan sets 1 MiB aside for it',
    caughtBy: ['models-planned'],
    says: /Ollama reckons .* for gpt-oss:20b; the plan says 1\.0 MiB/,
    make: world => planned(world, { host: MiB, gpu: 0 }),
  },
  {
    defect: 'a context length other than planned',
    done: 'a request made Ollama load the model with a `num_ctx` of its own',
    caughtBy: ['models-planned'],
    says: /gpt-oss:20b is loaded with a context of \d+ tokens; \d+ are planned/,
    async make({ real }) {
      const model = real.inference.model('chat')
      const call = { deadline: minutes(1), repeatable: true }
      await real.inference
        .server(model)
        .call(call, client =>
          client.generate({ model: model.serves, prompt: '', options: { num_ctx: 16_384 } }),
        )
      return { mend: () => real.inference.reload(model) }
    },
  },
]

function planned({ outputs }: World, bytes: DeployedModel['planned']): Made {
  const models = outputs.models.map(model =>
    model.role === 'chat' ? { ...model, planned: bytes } : model,
  )
  return { outputs: { ...outputs, models: models as Outputs['models'] } }
}

async function weightsOf(folder: string): Promise<{ path: string; size: number }> {
  const { layers = [] } = (await readManifest(folder, EMBEDDING)) ?? {}
  const [{ digest, size } = { digest: '', size: 0 }] = layers.toSorted((a, b) => b.size - a.size)
  return { path: blobPath(folder, digest), size }
}

/** One byte of a file, which can be changed where it is: a server may have the file open. */
async function byteAt(path: string, position: number) {
  const at = async <T>(
    use: (file: Awaited<ReturnType<typeof open>>, byte: Buffer) => Promise<T>,
  ) => {
    const file = await open(path, 'r+')
    try {
      return await use(file, Buffer.alloc(1))
    } finally {
      await file.close()
    }
  }
  const value = await at(async (file, byte) => {
    await file.read(byte, 0, 1, position)
    return byte[0]!
  })
  const write = (other = value) => at(file => file.write(Buffer.from([other]), 0, 1, position))
  return { value, write }
}
