import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { documentPath, TestApi } from '../../support/api/api.ts'
import { findChromium } from '../../support/api/chromium.ts'
import { Gate } from '../../support/api/gate.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'

const MINUTES = 60_000
const PHONE = { width: 360, height: 740 }
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
      expect(await api.call('PUT', documentPath('a', 'd'), options)).toMatchObject({ status: 200 })
      // Everything here is ours: the sandbox would need rights that a container has not.
      browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] })
    }, 3 * MINUTES)
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

    it('says what is not well', async () => {
      gate.mode = 'close'
      await open()
      const text = await page.locator('body').innerText()
      expect(text).toMatch(/\d+ not well, as of/)
      expect(text).toContain(`Chroma at ${gate.url} cannot be reached`)
      expect(text).toContain('gpt-oss:20b (chat)')
    })

    it('runs no script but its own', async () => {
      await open()
      await page.locator('body').evaluate(body => {
        const script = body.ownerDocument.createElement('script')
        script.textContent = 'document.title = "taken over"'
        body.append(script)
      })
      expect(await page.title()).toBe('knowledge-stack')
      expect(seen.complaints.join()).toContain('Content Security Policy')
    })
  },
)
