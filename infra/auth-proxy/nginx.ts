import { MiB } from '../units.ts'
import { ALIVE_PATH, DISK_PATH, type ProxyCaller, type Route, type Rules } from './routes.ts'

/** A proxy beside a server that listens on loopback: it lets in who has the right token, and nobody else. */
export interface AuthProxy {
  /** Port it listens on, on every address of its network namespace. */
  listen: number
  /** Loopback port of the server behind it. */
  upstream: number
  rules: Rules
  /** Who holds which token: hexadecimal digits, 32 at least. */
  tokens: Partial<Record<ProxyCaller, string>>
}

/** Where the configuration is put. */
export const NGINX_CONFIG = '/etc/front/nginx.conf'
/** The one folder that it writes to. */
export const FRONT_SCRATCH = '/tmp'

/**
 * Is there as long as the server's disk has room: the watchdog beside the server makes it and takes it away
 * (infra/servers/chroma-watchdog.sh), in memory that the two containers share.
 */
export const ROOM_FILE = '/dev/shm/disk-has-room'

/** Runs the proxy in the foreground, as any user and on a root file system that cannot be written. */
export const nginxCommand = (config = NGINX_CONFIG): string[] => [
  'nginx',
  '-e',
  'stderr',
  '-c',
  config,
  '-g',
  'daemon off;',
]

/** Chroma's own limit (max_payload_size_bytes) is 40 MiB; images in a chat stay below it. */
const LARGEST_BODY = 40 * MiB
/** Model files come in whole, and only past the token of the provisioner. */
const BLOBS = '/api/blobs/'
/** Ollama is silent while it hashes a pulled model, or loads one from a slow disk. */
const LONGEST_SILENCE = '60m'
/** Holds `Bearer` and a token. */
const HASH_BUCKET = 256

/**
 * The configuration of nginx for an auth proxy. It holds the tokens, so it is a secret itself.
 * @throws Error when a token is not a valid one: it would be taken for configuration, or guessed
 */
export function nginxConfig({ listen, upstream, rules, tokens }: AuthProxy): string {
  const callers = Object.entries(tokens) as [ProxyCaller, string][]
  return `worker_processes 1;
error_log stderr warn;
pid ${FRONT_SCRATCH}/nginx.pid;
events {}
http {
  access_log off;
  server_tokens off;
  default_type application/json;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(temporary).join('\n')}

  # Who asks.
  map_hash_bucket_size ${HASH_BUCKET};
  map $http_authorization $caller {
    default stranger;
${callers.map(identification).join('\n')}
  }

  # For what: the request line as it came in.
  map "$request_method $request_uri" $route {
    default else;
${rules.routes.map(recognition).join('\n')}
  }

${writing(rules)}  # And what is said to that.
  map "$caller $route" $verdict {
    default 403;
${admissions(rules).join('\n')}
    "~^stranger " 401;
  }

  upstream server {
    server 127.0.0.1:${upstream};
    keepalive 16;
  }

  server {
    listen ${listen};
    client_max_body_size ${LARGEST_BODY};
    add_header WWW-Authenticate $challenge always;

    location / {
${refuseWrites(rules)}${PASS_ON}
    }
    location ${BLOBS} {
      client_max_body_size 0;
${PASS_ON}
    }
    location = ${ALIVE_PATH} {
      return 200 '{"proxy":"it runs"}';
    }
${tellOfDisk(rules)}    error_page 502 504 @down;
    location @down {
      return 502 '{"error":"the server behind this auth proxy does not answer"}';
    }
  }

  map $status $challenge {
    401 Bearer;
    default "";
  }
}
`
}

const temporary = (kind: string): string => `  ${kind}_temp_path ${FRONT_SCRATCH}/${kind};`

// nginx ignores case here, which costs a token of hexadecimal digits nothing.
function identification([caller, token]: [ProxyCaller, string]): string {
  if (!/^[0-9a-f]{32,128}$/.test(token)) throw new Error(`the token of the ${caller} is not valid`)
  return `    "Bearer ${token}" ${caller};`
}

const recognition = ({ methods, path }: Route, index: number): string =>
  `    "~^(${methods.join('|')}) ${path}([?]|$)" route-${index};`

function admissions({ routes, everythingElse }: Rules): string[] {
  const named = routes.map(({ allows }, index) => ({ allows, route: `route-${index}` }))
  return [...named, { allows: everythingElse, route: 'else' }].flatMap(({ allows, route }) =>
    allows === 'anyone'
      ? [`    "~ ${route}$" pass;`]
      : allows.map(caller => `    "${caller} ${route}" pass;`),
  )
}

const DISK_FULL = `507 '{"error":"the disk is full: nothing can be written now"}'`
const hasWrites = ({ routes }: Rules): boolean => routes.some(({ writes }) => writes)

/** Which routes need room on the server's disk. */
const writing = (rules: Rules): string =>
  hasWrites(rules)
    ? `  # What needs room on the disk.
  map $route $needs {
    default nothing;
${rules.routes.flatMap(({ writes }, index) => (writes ? [`    route-${index} room;`] : [])).join('\n')}
  }

`
    : ''

/** After who may not has been told so, which the next lines do: both are looked at before anything is passed on. */
const refuseWrites = (rules: Rules): string =>
  hasWrites(rules)
    ? `      set $lacks "$verdict, $needs";
      if (!-f ${ROOM_FILE}) { set $lacks "$verdict, no $needs"; }
      if ($lacks = "pass, no room") { return ${DISK_FULL}; }
`
    : ''

const tellOfDisk = (rules: Rules): string =>
  hasWrites(rules)
    ? `    location = ${DISK_PATH} {
      if (!-f ${ROOM_FILE}) { return ${DISK_FULL}; }
      return 200 '{"disk":"there is room"}';
    }
`
    : ''

/** In an `if`, `return` and `set` are safe and little else is. Without a path, proxy_pass sends on the one that came in. */
const PASS_ON = `      if ($verdict = 401) { return 401 '{"error":"a token is needed: Authorization: Bearer …"}'; }
      if ($verdict = 403) { return 403 '{"error":"this token does not allow that"}'; }
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      # Ollama on loopback answers to local names only; tokens stay here.
      proxy_set_header Host localhost;
      proxy_set_header Authorization "";
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_read_timeout ${LONGEST_SILENCE};
      proxy_send_timeout ${LONGEST_SILENCE};`
