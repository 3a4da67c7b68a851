import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type Docker from 'dockerode'
import { create } from 'tar'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { chromaImage, DEFAULT_CHROMA } from '../../../infra/settings/chroma-version.ts'
import { Images } from '../../../infra/settings/image-settings.ts'
import { ollamaImage } from '../../../infra/settings/ollama-version.ts'
import { minutes } from '../../../infra/units.ts'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { findCommand, runCommand } from '../../../provision/toolchain/run-command.ts'
import type { Tool } from '../../../provision/toolchain/toolchain.ts'
import { realChroma, realTools } from '../toolchain/toolchain.ts'

const SUITE = 'bookworm'
/** What the images of all programs together need beside Debian's smallest system. */
const PACKAGES = ['nginx-light', 'python3-minimal', 'ca-certificates']
const BASE = `test-debian:${SUITE}`
/** As the project's Dockerfile has it. */
export const NODE_IMAGE = 'node:24.21.0-slim'
const RECIPE_LABEL = 'recipe'
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/** An image built on the spot: the real program, in the layout of the official image. */
interface Recipe {
  name: string
  /** Files of this machine, by their names in the build's context. */
  files: Record<string, string>
  dockerfile: string[]
}

/**
 * Sees to it that an Engine which reaches no registry has the images that the stack asks for by default, and the
 * one that the project's own is built from, under their real names; of Ollama the one that the tests run with.
 */
export async function provideImages(docker: Docker): Promise<void> {
  await provideBase(docker)
  for (const recipe of await recipes()) await provide(recipe, docker)
}

async function recipes(): Promise<Recipe[]> {
  const { front } = Images.parse({})
  const tools = await realTools()
  const [ollama] = tools.ollama.command as [string]
  const runners = join(dirname(dirname(ollama)), 'lib/ollama')
  const npm = dirname(dirname(await realpath((await findCommand('npm', process.env))!)))
  return [
    chromaRecipe(DEFAULT_CHROMA, tools.chroma),
    {
      name: ollamaImage(tools.ollama.version),
      files: { ollama, ...(existsSync(runners) && { runners }) },
      dockerfile: [
        'COPY ollama /bin/ollama',
        ...(existsSync(runners) ? ['COPY runners /usr/lib/ollama'] : []),
        'ENTRYPOINT ["/bin/ollama"]',
        'CMD ["serve"]',
      ],
    },
    { name: front, files: {}, dockerfile: ['USER 101', 'CMD ["nginx", "-g", "daemon off;"]'] },
    {
      name: NODE_IMAGE,
      files: { node: process.execPath, npm, certificates: await realpath(CERTIFICATES) },
      dockerfile: [
        'COPY node /usr/local/bin/node',
        'COPY npm /usr/local/lib/node_modules/npm',
        'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
        // What this machine reaches registries with.
        `COPY certificates ${CERTIFICATES}`,
        `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`,
      ],
    },
  ]
}

function chromaRecipe(version: string, { command }: Tool): Recipe {
  const [, launcher, bindings] = command as [string, string, string]
  return {
    name: chromaImage(version),
    files: { 'chroma.py': launcher, bindings },
    dockerfile: [
      'COPY chroma.py /opt/chroma.py',
      'COPY bindings /opt/bindings',
      'RUN mkdir /data && touch /config.yaml',
      // Where the official image has its binary.
      `RUN printf '#!/bin/sh\\nexec python3 /opt/chroma.py /opt/bindings "$@"\\n' >/usr/local/bin/chroma && chmod +x /usr/local/bin/chroma`,
      'ENTRYPOINT ["chroma"]',
      'CMD ["run", "/config.yaml"]',
    ],
  }
}

/** Another Chroma than the default. */
export const OTHER_CHROMA = '1.5.8'
/** A version that there is none of: what the tests take for it spoils the data that it finds, and ends. */
export const SPOILING_CHROMA = '1.5.10'

/** The images of both. */
export async function provideOtherChromas(docker: Docker): Promise<void> {
  await provide(chromaRecipe(OTHER_CHROMA, await realChroma(OTHER_CHROMA)), docker)
  const script = [
    '#!/bin/sh',
    'rm -rf /data/*-*-*-*-*',
    'dd if=/dev/urandom of=/data/chroma.sqlite3 bs=4096 seek=2 count=16 conv=notrunc 2>/dev/null',
    `echo "chroma ${SPOILING_CHROMA} spoiled what was there" >&2`,
    'exit 1',
  ]
  const lines = script.map(line => `'${line}'`).join(' ')
  const install = `RUN mkdir /data && touch /config.yaml && printf '%s\\n' ${lines} >/usr/local/bin/chroma && chmod +x /usr/local/bin/chroma`
  await provide({ name: chromaImage(SPOILING_CHROMA), files: {}, dockerfile: [install] }, docker)
}

async function provideBase(docker: Docker): Promise<void> {
  if (await isThere(BASE, docker)) return
  const { cache } = toolchainOptions(process.env)
  const task = { report() {}, signal: AbortSignal.timeout(minutes(10)) }
  const folder = join(cache, 'images', `debian-${SUITE}-${hash(PACKAGES.join(' '))}`)
  await finishedFolder(folder, `a Debian ${SUITE} for images`, task, async draft => {
    const root = join(draft, 'root')
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
    const include = `--include=${PACKAGES.join(',')}`
    const argv = ['debootstrap', '--variant=minbase', include, SUITE, root]
    await runCommand(argv, { env, signal: task.signal })
    await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true })
    await runCommand(['tar', '-C', root, '-cf', join(draft, 'root.tar'), '.'], {
      env,
      signal: task.signal,
    })
    await rm(root, { recursive: true })
  })
  const [repo, tag] = BASE.split(':')
  const progress = await docker.importImage(join(folder, 'root.tar'), { repo, tag })
  await done(progress, docker)
}

async function provide({ name, files, dockerfile }: Recipe, docker: Docker): Promise<void> {
  const text = [`FROM ${BASE}`, ...dockerfile].join('\n')
  // Tools of another version or build lie in another place; each checkout has a Node of its own, of the same version.
  const recipe = hash(text + JSON.stringify(files).replaceAll(PROJECT_ROOT, ''))
  if (await isThere(name, docker, recipe)) return
  const context = await mkdtemp(join(tmpdir(), 'image-'))
  try {
    await writeFile(join(context, 'Dockerfile'), `${text}\nLABEL ${RECIPE_LABEL}=${recipe}\n`)
    for (const [at, file] of Object.entries(files)) {
      await mkdir(dirname(join(context, at)), { recursive: true })
      await cp(file, join(context, at), { recursive: true })
    }
    const archive = join(context, 'context.tar')
    await create({ cwd: context, file: archive }, ['Dockerfile', ...Object.keys(files)])
    await done(await docker.buildImage(archive, { t: name }), docker)
  } finally {
    await rm(context, { recursive: true })
  }
}

async function isThere(name: string, docker: Docker, recipe?: string): Promise<boolean> {
  const found = await docker
    .getImage(name)
    .inspect()
    .catch(() => undefined)
  if (found === undefined) return false
  return recipe === undefined || found.Config.Labels?.[RECIPE_LABEL] === recipe
}

async function done(progress: NodeJS.ReadableStream, docker: Docker): Promise<void> {
  const said: { error?: string }[] = await new Promise((resolve, reject) =>
    docker.modem.followProgress(progress, (error, output) =>
      error ? reject(error) : resolve(output),
    ),
  )
  const failed = said.find(({ error }) => error !== undefined)
  if (failed !== undefined) throw new Error(failed.error)
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)
