import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nginxCommand } from '../../../infra/auth-proxy/nginx.ts'
import { freePort } from './ports.ts'
import { startServer } from './server.ts'

/** Connections to the server behind it that it keeps. */
const KEPT = 2

/**
 * A real nginx as users put it in front of the API: it keeps its connections to it, and says whom a request came from
 * and for which name.
 * @param upstream loopback port of the API
 */
export async function startKeepAliveProxy(nginx: string, upstream: number) {
  const folder = await mkdtemp(join(tmpdir(), 'proxy-'))
  // nginx becomes somebody else when root runs it.
  await chmod(folder, 0o755)
  const config = join(folder, 'nginx.conf')
  const port = await freePort()
  await writeFile(config, configOf(folder, port, upstream))
  const [, ...args] = nginxCommand(config)
  const url = `http://127.0.0.1:${port}`
  const server = await startServer({
    command: nginx,
    args,
    readyUrl: url,
    isReady: () => true,
  })
  return {
    url,
    port,
    async stop() {
      await server.end()
      await rm(folder, { recursive: true })
    },
  }
}

const configOf = (folder: string, port: number, upstream: number): string => `
worker_processes 1;
error_log stderr warn;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `  ${kind}_temp_path ${folder}/${kind};`).join('\n')}
  upstream api {
    server 127.0.0.1:${upstream};
    keepalive ${KEPT};
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 5m;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Host $host;
    }
  }
}
`
