import { randomUUID } from 'node:crypto'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import type { Report } from '../../../checks/report.ts'
import { PROJECT_VERSION } from '../../../infra/project.ts'
import { documentPath, TestApi } from '../../support/api/api.ts'
import { findChromium } from '../../support/api/chromium.ts'
import { Gate } from '../../support/api/gate.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'

const PHONE = { width: 320, height: 740 }
/** What the Web Content Accessibility Guidelines ask for, levels A and AA. */
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const BACKUP = {
  id: randomUUID(),
  state: 'whole',
  place: '/backups',
  archive: 'test-1',
  machine: 'one',
  scope: 'all',
  records: 1234,
} as const
const executablePath = await findChromium()

describe.skipIf(executablePath === undefined)(
  'the page, in a real browser (needs chromium, or KNOWLEDGE_STACK_TEST_SYSTEM=1 and root)',
  () => {
    let tiny: TinyDeployment
    let gate: Gate
    let api: TestApi
    let browser: Browser
    let page: Page
    /** What the page asked for, and what the browser complained about. */
    const seen = { requests: [] as string[], complaints: [] as string[] }

    beforeAll(async () => {
      tiny = await startTinyDeployment()
      gate = await Gate.before(tiny.chroma.url)
      const { outputs } = tiny
      outputs.chroma.instances = [{ reach: { kind: 'direct', url: gate.url } }]
      api = await TestApi.start(outputs)
      const options = { token: await api.serviceToken(), body: { text: 'Cats purr.' } }
      expect(await api.call('PUT', documentPath('a', 'd'), options)).toMatchObject({ status: 201 })
      // Everything here is ours: the sandbox would need rights that a container has not.
      browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] })
    })
    afterAll(async () => {
      await browser?.close()
      await api?.stop()
      await gate?.stop()
      await tiny?.stop()
    })

    beforeEach(async () => {
      gate.mode = 'open'
      seen.requests = []
      seen.complaints = []
      page = await browser.newPage({ viewport: PHONE })
      page.on('request', request => seen.requests.push(request.url()))
      page.on('console', message => seen.complaints.push(message.text()))
      page.on('pageerror', error => seen.complaints.push(error.message))
    })
    afterEach(() => page.close())

    const open = async () => {
      await page.goto(api.url)
      await page.getByText(/, as of /).waitFor()
    }

    it('shows health, models and shards at a glance', async () => {
      await open()
      const text = await page.locator('body').innerText()
      expect(text).toContain('All is well')
      expect(text).toContain(`Chroma at ${gate.url}: heartbeat`)
      expect(text).toContain('nomic-embed-text:latest (embedding)')
      expect(text).toContain('gpt-oss:20b (chat)')
      expect(text).toContain('1 records, 1 creators')
      expect(await page.locator('meter').count()).toBe(10)
      expect(seen.complaints).toEqual([])
    })

    it('says of what it saw a while ago that it is stale, and is well again when it is answered', async () => {
      await page.clock.install()
      await open()
      expect(await page.getByRole('status').first().innerText()).toBe('All is well')
      await page.route('**/api/v1/**', () => undefined)
      await page.clock.fastForward(60_000)
      await page.getByText(/^Stale since /).waitFor()
      expect(await page.locator('body').innerText()).not.toMatch(/All is well|, as of /)
      await page.unroute('**/api/v1/**')
      await page.reload()
      await page.getByText('All is well').waitFor()
    })

    it('tells a screen reader what is another, and not what time it is', async () => {
      await page.clock.install()
      await open()
      await page.evaluate(`
        globalThis.told = []
        const look = () => told.push(document.getElementById('verdict').textContent)
        const all = { childList: true, characterData: true, subtree: true }
        new MutationObserver(look).observe(document.getElementById('verdict'), all)
      `)
      const answered = page.waitForResponse(/health/)
      await page.clock.fastForward(11_000)
      await answered
      await page.waitForTimeout(300)
      expect(await page.evaluate('told')).toEqual([])
    })

    it('loads nothing from anywhere else', async () => {
      await open()
      const origins = seen.requests.map(url => new URL(url).origin)
      expect(new Set(origins)).toEqual(new Set([api.url]))
    })

    it('can be read on a phone without moving it sideways', async () => {
      await open()
      const width = await page.locator('html').evaluate(html => html.scrollWidth)
      expect(width).toBeLessThanOrEqual(PHONE.width)
    })

    it('says which stack it is, how fast it answers, and how it was verified last', async () => {
      await open()
      const text = () => page.locator('#stack').innerText()
      expect(await text()).toContain('Stack test (local)')
      expect(await text()).toContain(`version ${PROJECT_VERSION}`)
      expect(await text()).toMatch(/Calls for creators: p50 [\d.]+ ms, p99 [\d.]+ ms/)
      expect(await text()).toContain('Last verification: none')
      expect(await text()).toContain('Last backup: none')

      const deployment = await openDeployment(tiny.outputs)
      const { verification, backups } = deployment.knowledge()
      const checks = [
        { name: 'models-loaded', verdict: 'passed', detail: 'all are' },
        { name: 'embeddings', verdict: 'failed', detail: 'they have 3 numbers' },
      ] as const
      const startedAt = new Date().toISOString()
      const verified = (verdict: 'passed' | 'failed', models = tiny.outputs.models) =>
        verification.put(
          { startedAt, verdict, readOnly: false, checks } as unknown as Report,
          models,
        )
      await verified('failed')
      await backups.put({ ...BACKUP, created: startedAt, alive: startedAt })
      await page.reload()
      await page.getByText('Last verification: failed').waitFor()
      expect(await text()).toMatch(/embeddings\s+they have 3 numbers/)
      expect(await text()).not.toContain('models-loaded')
      expect(await text()).toContain('1234 records')
      expect(await page.getByRole('status').first().innerText()).toMatch(/not well/)
      await verified('passed')
      await deployment.close()
    })

    it('is told what was planned for each model by who knows the plan, and keeps it after one who does not', async () => {
      const deployment = await openDeployment(tiny.outputs)
      const { verification } = deployment.knowledge()
      const { models } = tiny.outputs
      const planned = models.map(model => ({ ...model, planned: { host: 1000, gpu: 2000 } }))
      const report = { startedAt: new Date().toISOString(), verdict: 'passed', readOnly: false }
      for (const known of [planned, models])
        await verification.put({ ...report, checks: [] } as unknown as Report, known)
      await deployment.close()
      const { body } = await api.call('GET', '/api/v1/ai/models/status')
      expect(body).toMatchObject({ models: models.map(() => ({ plannedBytes: 3000 })) })
    })

    it('asks what a creator knows, with its token, and says why that is refused', async () => {
      await open()
      const ask = async (token: string) => {
        await page.getByLabel(/^\s*Creator\s*$/).fill('a')
        await page.getByLabel(/Token \(/).fill(token)
        await page.getByLabel('Question').fill('Which animals purr?')
        await page.keyboard.press('Enter')
      }
      await ask(await api.tokenFor('b'))
      await page.getByText(/does not speak for this creator|another creator/).waitFor()
      await ask(await api.tokenFor('a'))
      await page.getByText('The nearest 1').waitFor()
      expect(await page.locator('#hits').innerText()).toMatch(/Cats purr\.\s+d, distance 0\.\d+/)
    })

    it.each(['light', 'dark'] as const)(
      'can be seen, heard and used by everybody, %s',
      async colorScheme => {
        await page.emulateMedia({ colorScheme })
        await open()
        await page.evaluate(axe.source)
        const found = (await page.evaluate(
          `axe.run({ runOnly: ${JSON.stringify(WCAG)} })`,
        )) as axe.AxeResults
        expect(found.violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
        expect(found.passes.map(({ id }) => id)).toContain('color-contrast')
      },
    )

    it('says what is not well', async () => {
      gate.mode = 'close'
      await open()
      const text = await page.locator('body').innerText()
      expect(text).toMatch(/\d+ not well, as of/)
      expect(text).toContain(`Chroma at ${gate.url} cannot be reached`)
      expect(text).toContain('gpt-oss:20b (chat)')
    })

    it('leads to all calls, where one can be tried, and nothing is loaded from elsewhere', async () => {
      await open()
      await page.getByRole('link', { name: 'Calls' }).click()
      const call = page.locator('#operations-health-chromadbHealth')
      await call.locator('.opblock-summary-control').click()
      await call.getByRole('button', { name: 'Try it out' }).click()
      await call.getByRole('button', { name: 'Execute' }).click()
      await call.locator('.live-responses-table').getByText('"healthy": true').first().waitFor()
      const origins = seen.requests.map(url => new URL(url).origin)
      expect(new Set(origins)).toEqual(new Set([api.url]))
      expect(seen.complaints).toEqual([])
    })

    describe('of an API that others reach too', () => {
      let open: TestApi
      beforeAll(async () => {
        open = await TestApi.start(tiny.outputs, { onLoopback: false })
      })
      afterAll(() => open?.stop())

      const give = async (token: string) => {
        await page.getByLabel(/are shown with a token/).fill(token)
        await page.getByRole('button', { name: 'Show' }).click()
      }

      it('shows health alone, and asks for the rest once, until it is given a token', async () => {
        await page.goto(open.url)
        await page.getByText(/, as of /).waitFor()
        const text = await page.locator('body').innerText()
        expect(text).toContain('All is well')
        expect(text).toContain('npm run -s token -- --monitor')
        expect(text).not.toContain(gate.url)
        expect(await page.locator('meter').count()).toBe(0)

        const token = await open.monitorToken()
        const asked = page.waitForRequest(/chromadb\/stats/)
        await give(token)
        const { url, headers } = await asked.then(async request => ({
          url: request.url(),
          headers: await request.allHeaders(),
        }))
        expect(headers.authorization).toBe(`Bearer ${token}`)
        await page.locator('meter').first().waitFor()
        const shown = await page.locator('body').innerText()
        expect(shown).toContain('1 records, 1 creators')
        expect(shown).toContain('gpt-oss:20b (chat)')
        expect(shown).toContain(`Chroma at ${gate.url}: heartbeat`)
        expect(await page.locator('#monitor').isVisible()).toBe(false)
        // Neither the address nor what a browser keeps has it.
        const kept = await page.evaluate(
          'JSON.stringify([localStorage, sessionStorage, document.cookie])',
        )
        for (const place of [url, page.url(), kept]) expect(place).not.toContain(token)
        const width = await page.locator('html').evaluate(html => html.scrollWidth)
        expect(width).toBeLessThanOrEqual(PHONE.width)
      })

      it('says why a token is refused, and takes another', async () => {
        await page.goto(open.url)
        await page.getByText(/, as of /).waitFor()
        await give(await open.tokenFor('a'))
        await page.getByText(/scope monitor or service\./).waitFor()
        expect(await page.locator('meter').count()).toBe(0)
        await give(await open.serviceToken())
        await page.locator('meter').first().waitFor()
      })
    })

    describe('of a site that has its name lead to this machine by DNS (rebinding)', () => {
      /** @returns what a page of the site reads of a server on loopback: status and text, or why it reads nothing */
      async function readBy(feature: string, server: string, path: string) {
        const rebound = await chromium.launch({
          executablePath: executablePath!,
          args: ['--no-sandbox', '--host-resolver-rules=MAP evil.example 127.0.0.1', feature],
        })
        try {
          const elsewhere = await rebound.newPage()
          const site = `http://evil.example:${new URL(server).port}/page`
          // The page is from before its name led here; what it then fetches comes to this machine.
          await elsewhere.route(site, route =>
            route.fulfill({ contentType: 'text/html', body: '<title>evil</title>' }),
          )
          await elsewhere.goto(site)
          return (await elsewhere.evaluate(
            `fetch(${JSON.stringify(path)}).then(async answer => [answer.status, await answer.text()], String)`,
          )) as [number, string] | string
        } finally {
          await rebound.close()
        }
      }
      /** The first version of Chromium with Local Network Access. */
      const KEEPS_FROM_LOOPBACK = 142
      const OLDER = '--disable-features=LocalNetworkAccessChecks'
      const NEWER = '--enable-features=LocalNetworkAccessChecks'
      const DATABASES = '/api/v2/tenants/default_tenant/databases'

      it('reads all of Chroma where the browser lets pages of the web ask loopback', async () => {
        expect(await readBy(OLDER, tiny.chroma.url, DATABASES)).toEqual([
          200,
          expect.stringContaining('knowledge'),
        ])
      })

      it('reads nothing of this API nor of Ollama even there', async () => {
        expect((await readBy(OLDER, api.url, '/openapi.json'))[0]).toBe(403)
        expect((await readBy(OLDER, tiny.ollama.url, '/api/tags'))[0]).toBe(403)
      })

      it('reads nothing of Chroma by a browser that keeps pages of the web from loopback', async context => {
        const [version = 0] = browser.version().split('.').map(Number)
        if (version < KEEPS_FROM_LOOPBACK) return context.skip(`Chromium ${version} does not`)
        expect(await readBy(NEWER, tiny.chroma.url, DATABASES)).toMatch(/Failed to fetch/)
      })
    })

    it('runs no script but its own', async () => {
      await open()
      await page.locator('body').evaluate(body => {
        const script = body.ownerDocument.createElement('script')
        script.textContent = 'document.title = "taken over"'
        body.append(script)
      })
      expect(await page.title()).toBe('test – knowledge-stack')
      expect(seen.complaints.join()).toContain('Content Security Policy')
    })
  },
)
