/**
 * The first file that runs, under whatever Node ≥ 20 the machine has, before anything is installed: brings the
 * project's packages and its own Node in, and hands over to that.
 *
 *   node provision/bootstrap.mjs <command> …       provision/cli.ts <command> …
 *   node provision/bootstrap.mjs --run <program> … a program of the packages, such as the test runner
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { proxyVariables } from '../infra/egress/proxy-variables.mjs'
import { COMMAND_ARGUMENTS } from '../infra/node-arguments.mjs'
import { certificateVariables } from './egress/certificate-variables.mjs'
import { withLock } from './lock.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const PACKAGES = join(ROOT, 'node_modules')
/** Holds the hash of the lock file that the packages were installed from. */
const STAMP = join(PACKAGES, '.installed-from')
const LEAST_NODE = 24
const MISUSED = 2
const UNAVAILABLE = 3

// npm obeys them too.
Object.assign(process.env, network())
if (installedFrom() !== wanted()) {
  const onWait = () => say('waiting for another command that installs the packages')
  const lock = join(ROOT, '.install.lock')
  await withLock(
    lock,
    { purpose: 'installs the packages', onWait, signal: new AbortController().signal },
    install,
  )
}
run(process.argv.slice(2))

function wanted() {
  return createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex')
}

function installedFrom() {
  return existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : ''
}

async function install() {
  if (installedFrom() === wanted()) return
  say('installing the packages of package-lock.json (npm ci), once')
  // Install scripts would fetch binaries from hosts that may not be reached; none is needed.
  const flags =
    '--ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error'
  const npm = process.env.npm_execpath
  const [program, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []]
  // npm's words go to standard error: standard output belongs to the command.
  const { status, error } = spawnSync(program, [...before, 'ci', ...flags.split(' ')], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) {
    say(
      `npm ci failed${error ? `: ${error.message}` : ''}; is the package registry reached? Try: npm ping`,
    )
    process.exit(UNAVAILABLE)
  }
  writeFileSync(STAMP, wanted())
}

/** @param {string[]} args */
function run(args) {
  const node = projectNode()
  const path = [dirname(node), join(PACKAGES, '.bin'), process.env.PATH].join(delimiter)
  const [program, rest] =
    args[0] === '--run'
      ? [String(args[1]), args.slice(2)]
      : [node, [...COMMAND_ARGUMENTS, join(ROOT, 'provision', 'cli.ts'), ...args]]
  const child = spawn(program, rest, { stdio: 'inherit', env: environment(path) })
  // A terminal's Ctrl-C reaches the child by itself; a signal sent to this process alone must be handed on.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    say(`${program} cannot be run: ${error.message}`)
    process.exit(UNAVAILABLE)
  })
  child.on('exit', (code, signal) =>
    process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)),
  )
}

/**
 * The user's proxies and certificates, as every program takes them. Node obeys the first, and the system's
 * certificates, only when told to.
 */
function network() {
  try {
    return {
      NODE_USE_SYSTEM_CA: process.env.NODE_USE_SYSTEM_CA ?? '1',
      NODE_USE_ENV_PROXY: '1',
      ...proxyVariables(process.env),
      ...certificateVariables(process.env),
    }
  } catch (error) {
    say(/** @type {Error} */ (error).message)
    process.exit(MISUSED)
  }
}

/**
 * An update starts four Node processes, half of whose start is compiling the same modules again: they keep them.
 * @param {string} path
 */
function environment(path) {
  return { NODE_COMPILE_CACHE: join(PACKAGES, '.cache', 'compiled'), ...process.env, PATH: path }
}

function projectNode() {
  const packaged = join(PACKAGES, `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(packaged)) return packaged
  if (Number.parseInt(process.versions.node, 10) >= LEAST_NODE) return process.execPath
  say(
    `Node ${LEAST_NODE} or later is needed and no package carries it for ${process.platform}-${process.arch}; this is ${process.version}. Install it from nodejs.org`,
  )
  process.exit(UNAVAILABLE)
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`${text}\n`)
}
