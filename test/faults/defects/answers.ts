import type { Gate, GateMode } from '../../support/api/gate.ts'
import type { Defect } from '../defect.ts'
import { on, rewritten } from '../rewrite.ts'
import type { World } from '../world.ts'

/** Servers that do not answer as they should, or not in time. */
const MODES: Record<Exclude<GateMode, 'open'>, { defect: string; done: string; says: string }> = {
  slow: {
    defect: 'answers later than after 5 s',
    done: 'every answer is held back for 8 s',
    says: 'did not answer within',
  },
  hang: {
    defect: 'takes connections and never answers',
    done: 'requests are taken and go nowhere',
    says: 'did not answer within',
  },
  close: {
    defect: 'closes connections',
    done: 'every connection is closed at its first request',
    says: 'cannot be reached',
  },
}

const SERVERS: Record<keyof World['gates'], { name: string; check: string }> = {
  chroma: { name: 'Chroma', check: 'chroma-answers' },
  ollama: { name: 'Ollama', check: 'ollama-answers' },
  api: { name: 'API', check: 'api-answers' },
}

const VERSION = '0.26.3'

const OTHER_OLLAMA: Defect = {
  defect: 'an Ollama of another version than deployed',
  done: `its answer to the question for its version says ${VERSION}`,
  caughtBy: ['ollama-version'],
  says: /Ollama at http.* is 0\.26\.3; \d+\.\d+\.\d+ was deployed/,
  make({ ollama }) {
    const answer = () => ({ version: VERSION })
    ollama.fault = on(/^\/api\/version$/, exchange => rewritten(exchange, answer))
    return {}
  },
}

const NOT_ANSWERING: Defect[] = Object.entries(SERVERS).flatMap(([server, { name, check }]) =>
  Object.entries(MODES).map(([mode, { defect, done, says }]) => ({
    defect: `${name} ${defect}`,
    done,
    caughtBy: [check],
    says: new RegExp(`${name} at http.* ${says}`),
    make({ gates }) {
      const gate: Gate = gates[server as keyof World['gates']]
      gate.mode = mode as GateMode
      return {}
    },
  })),
)

export const ANSWERS: Defect[] = [...NOT_ANSWERING, OTHER_OLLAMA]
