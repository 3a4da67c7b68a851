import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { planStack } from '../../../infra/capacity/stack-plan.ts'
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
        const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(3.8)])
        await writeFile(file, await renderHtml(plan))
        const page = await browser.newPage()
        const requests: string[] = []
        const complaints: string[] = []
        page.on('request', request => requests.push(request.url()))
        page.on('console', message => complaints.push(message.text()))
        page.on('pageerror', error => complaints.push(error.message))
        const url = pathToFileURL(file).href
        await page.goto(url)
        expect(requests).toEqual([url])
        expect(complaints).toEqual([])
        expect(await page.locator('body').innerText()).toMatch(/gpt-oss:20b .* GiB short/)
        const colored = await page.locator('canvas').evaluateAll(canvases =>
          canvases.map(canvas => {
            const { width, height } = canvas as unknown as { width: number; height: number }
            const drawing = (canvas as unknown as Drawable).getContext('2d')
            return drawing.getImageData(0, 0, width, height).data.some(value => value > 0)
          }),
        )
        expect(colored).toEqual([true, true, true])
      } finally {
        await browser.close()
        await rm(folder, { recursive: true })
      }
    })
  },
)

/** As much of a canvas as is asked of it; the project's types are those of Node. */
interface Drawable {
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray }
  }
}
