import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'

const PAGE = { hide: true, summary: 'A page that shows health, models and shards' }
const FILE = join(import.meta.dirname, '../page/index.html')

/** One page that shows people how things are. It loads nothing, and runs nothing that is not in the file. */
export const page: FastifyPluginAsync = async api => {
  const html = await readFile(FILE, 'utf8')
  const policy = [
    "default-src 'none'",
    "connect-src 'self'",
    `style-src ${hashOf(html, 'style')}`,
    `script-src ${hashOf(html, 'script')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  api.get('/', { config: { access: 'anyone' }, schema: PAGE }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', policy).send(html),
  )
}

/** The source expression that allows the one element of this kind, by what is in it. */
function hashOf(html: string, element: 'style' | 'script'): string {
  const start = html.indexOf(`<${element}>`) + element.length + 2
  const content = html.slice(start, html.indexOf(`</${element}>`, start))
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}
