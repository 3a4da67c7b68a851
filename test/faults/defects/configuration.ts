import { readFile, writeFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import type { Outputs } from '../../../infra/outputs.ts'
import type { Defect } from '../defect.ts'
import type { World } from '../world.ts'

/** Servers that are set up so that they can be misused. */
export const CONFIGURATION: Defect[] = [
  {
    defect: '`allow_reset` is on',
    done: 'the configuration file that Chroma is started with says so',
    caughtBy: ['chroma-configuration'],
    says: /says allow_reset: true, so anyone who reaches this Chroma can wipe it/,
    async make({ outputs }) {
      const file = outputs.chroma.instances[0].configFile!
      const before = await readFile(file, 'utf8')
      await writeFile(file, stringify({ ...parse(before), allow_reset: true }))
      return { mend: () => writeFile(file, before) }
    },
  },
  {
    defect: 'the disk that Chroma has its data on is full',
    done: 'its data is said to lie where nothing is ever free',
    caughtBy: ['chroma-room'],
    says: /takes no writes, since its disk is full: 0 B are free, and 256 MiB are kept free/,
    make: ({ outputs }) => ({
      outputs: {
        ...outputs,
        chroma: {
          ...outputs.chroma,
          instances: [{ ...outputs.chroma.instances[0], dataFolder: '/proc' }],
        },
      },
    }),
  },
  {
    defect: 'Chroma itself is open where an auth proxy must stand',
    done: 'the deployment says that a token is asked for, and nothing asks for one',
    caughtBy: ['routes-closed'],
    says: /Chroma at http.* lets through GET \/api\/v2\/tenants\/default_tenant\/databases without a token/,
    make: ({ outputs }) => ({
      outputs: {
        ...outputs,
        chroma: { ...outputs.chroma, instances: [behindFront(outputs.chroma.instances[0])] },
      },
    }),
  },
  {
    defect: 'Ollama itself is open where an auth proxy must stand',
    done: 'the deployment says that a token is asked for, and nothing asks for one',
    caughtBy: ['routes-closed'],
    says: /Ollama at http.* lets through GET \/api\/tags without a token/,
    make: world => ({ outputs: withOllamaBehindFront(world) }),
  },
  {
    defect: 'pull, create and delete are open to the application',
    done: 'an auth proxy asks for a token, and lets everything through that comes with one',
    caughtBy: ['routes-closed'],
    says: /lets through POST \/api\/pull with the application's token.*POST \/api\/create.*DELETE \/api\/delete/,
    make(world) {
      world.ollama.fault = ({ authorised }) =>
        authorised ? undefined : Promise.resolve(new Response(null, { status: 401 }))
      return { outputs: withOllamaBehindFront(world) }
    },
  },
]

const behindFront = <
  Server extends World['outputs']['ollama'][0] | Outputs['chroma']['instances'][0],
>(
  server: Server,
): Server => ({ ...server, reach: { ...server.reach, token: 'of the application' } })

const withOllamaBehindFront = ({ outputs }: World): Outputs => ({
  ...outputs,
  ollama: [behindFront(outputs.ollama[0])],
})
