import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { RecentDurations } from './recent-durations.ts'
import type { RequestRoom } from './traffic/limits.ts'

/** Bounds that tell a cheap look from a query, and a query from a chat. */
const BUCKETS = [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 60, 300]

/** What Prometheus reads. Labels name routes and never what was asked of them: creators stay out. */
export class Metrics {
  readonly registry = new Registry()
  readonly #duration = new Histogram({
    name: 'knowledge_api_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [this.registry],
  })
  readonly #abandoned = new Counter({
    name: 'knowledge_api_requests_abandoned_total',
    help: 'Requests whose caller left before the answer',
    labelNames: ['method', 'route'],
    registers: [this.registry],
  })

  /** Of calls for creators. */
  readonly durations: RecentDurations

  constructor(now: () => number) {
    this.durations = new RecentDurations(now)
    collectDefaultMetrics({ register: this.registry })
  }

  /** @param held what requests hold of each lane at the moment */
  watch(held: () => [lane: string, room: RequestRoom][]): void {
    const gauge = (name: string, help: string, ofRoom: (room: RequestRoom) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['lane'],
        registers: [this.registry],
        collect() {
          for (const [lane, room] of held()) this.set({ lane }, ofRoom(room))
        },
      })
    gauge(
      'knowledge_api_requests_under_way',
      'Requests being worked on, by lane',
      ({ requests }) => requests,
    )
    gauge(
      'knowledge_api_bytes_under_way',
      'Bytes of bodies that have come in and of answers on their way out, by lane',
      ({ bytes }) => bytes,
    )
  }

  /** @param read the moment of the last backup of all creators; undefined where there is none */
  watchBackups(read: () => Promise<Date | undefined>): void {
    new Gauge({
      name: 'knowledge_last_backup_timestamp_seconds',
      help: 'When the last backup of all creators was begun that came to its end; absent where there is none',
      registers: [this.registry],
      async collect() {
        // What cannot be asked is not told: an alarm for a missing value rings then.
        const last = await read().catch(() => undefined)
        this.reset()
        if (last === undefined) this.remove()
        else this.set(last.getTime() / 1000)
      },
    })
  }

  /** Counts every request, and serves the counts. */
  serve(api: FastifyInstance): void {
    api.addHook('onResponse', async (request, reply) => {
      const { method } = request
      const { url: route = 'none', config } = request.routeOptions
      if (!reply.raw.writableFinished) this.#abandoned.inc({ method, route })
      const status = `${reply.statusCode}`
      this.#duration.observe({ method, route, status }, reply.elapsedTime / 1000)
      if (config?.access === 'creator') this.durations.record(reply.elapsedTime)
    })
    api.get(
      '/metrics',
      {
        config: { rateLimit: false, access: 'monitor', openOnLoopback: 'always' },
        schema: { hide: true, summary: 'Counts of requests, times and memory, for Prometheus' },
      },
      async (_request, reply) =>
        reply.type(this.registry.contentType).send(await this.registry.metrics()),
    )
  }
}
