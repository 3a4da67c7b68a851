import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { planStack } from '../../../infra/capacity/stack-plan.ts'
import { GiB } from '../../../infra/units.ts'
import { renderHtml } from '../../../provision/plan/plan-page.ts'
import { findChromium } from '../../support/api/chromium.ts'
import { machineOf, stackDemand } from '../../support/stack/demand.ts'

const executablePath = await findChromium()

describe.skipIf(executablePath === undefined)(
  'the page of a plan, in a real browser (needs chromium, or KNOWLEDGE_STACK_TEST_SYSTEM=1 and root)',
  () => {
    it('opens from a file, asks for nothing else, and draws its charts', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'plan-page-'))
      const browser = await chromium.launch({
        executablePath: executablePath!,
        args: ['--no-sandbox'],
      })
      try {
        const file = join(folder, 'plan.html')
        const gpu = { product: 'T4', memory: 15 * GiB, resource: 'nvidia.com/gpu' }
        const machine = machineOf(1, { gpus: [gpu] })
        const plan = planStack(stackDemand('gpt-oss:20b'), [machine])
        await writeFile(file, await renderHtml(plan, { stack: 'prod', date: new Date() }))
        const page = await browser.newPage({ colorScheme: 'dark', viewport: NARROW })
        const requests: string[] = []
        const complaints: string[] = []
        page.on('request', request => requests.push(request.url()))
        page.on('console', message => complaints.push(message.text()))
        page.on('pageerror', error => complaints.push(error.message))
        const url = pathToFileURL(file).href
        await page.goto(url)
        expect(requests).toEqual([url])
        expect(complaints).toEqual([])
        expect(await page.locator('body').innerText()).toMatch(/ollama-gpu .* short/)
        const colored = await page.locator('canvas').evaluateAll(canvases =>
          canvases.map(canvas => {
            const { width, height } = canvas as unknown as { width: number; height: number }
            const drawing = (canvas as unknown as Drawable).getContext('2d')
            return drawing.getImageData(0, 0, width, height).data.some(value => value > 0)
          }),
        )
        expect(colored).toEqual([true, true, true, true])
        const widths = await page.evaluate('[document.body.scrollWidth, innerWidth]')
        expect(widths).toEqual([NARROW.width, NARROW.width])
        expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
          'rgb(22, 28, 34)',
        )
      } finally {
        await browser.close()
        await rm(folder, { recursive: true })
      }
    })
  },
)

/** A telephone's. */
const NARROW = { width: 400, height: 800 }

/** As much of a canvas as is asked of it; the project's types are those of Node. */
interface Drawable {
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray }
  }
}
